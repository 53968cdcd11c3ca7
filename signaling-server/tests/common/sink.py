"""An SMTP server that keeps what it is given: a real peer for tests.

    sink.py [--fail N] [--reject] [--cert FILE --key FILE --user NAME --password WORD]

Prints `port N` and then one JSON object a line for every letter: sender, recipients, headers and all parts (type, file name, text). The first
N letters are refused with 451 first, or with 550 by --reject. With a certificate it asks for STARTTLS and a password before anything else.
Ends when its standard input does.
"""
import argparse
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--fail", type=int, default=0)
    arguments.add_argument("--reject", action="store_true")
    for name in ["cert", "key", "user", "password"]:
        arguments.add_argument("--" + name)
    arguments = arguments.parse_args()
    tls = None
    if arguments.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.cert, arguments.key)

    class Sink:
        left = arguments.fail

        async def handle_DATA(self, server, session, envelope):
            if self.left > 0:
                self.left -= 1
                say({"refused": True})
                return "550 no such user" if arguments.reject else "451 try again later"
            say(letter(envelope))
            return "250 taken"

    def authenticate(server, session, envelope, mechanism, data):
        good = data.login.decode() == arguments.user and data.password.decode() == arguments.password
        return AuthResult(success=good)

    class Server(Controller):
        def factory(self):
            return SMTP(
                self.handler,
                tls_context=tls,
                require_starttls=tls is not None,
                authenticator=authenticate if tls else None,
                auth_required=tls is not None,
            )

        def _trigger_server(self):
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    server = Server(Sink(), hostname="127.0.0.1", port=0)
    server.start()
    say_line("port %d" % server.server.sockets[0].getsockname()[1])
    sys.stdin.read()
    server.stop()


def letter(envelope):
    message = email.message_from_bytes(envelope.original_content or envelope.content, policy=email.policy.default)
    parts = [
        {"type": part["content-type"], "name": part.get_filename(), "text": part.get_payload(decode=True).decode("utf-8", "replace")}
        for part in message.walk()
        if not part.is_multipart()
    ]
    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "headers": {name.lower(): str(value) for name, value in message.items()},
        "shape": [part.get_content_type() for part in message.walk()],
        "defects": [repr(d) for part in message.walk() for d in part.defects],
        "parts": parts,
    }


def say(what):
    say_line(json.dumps(what))


def say_line(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


main()
