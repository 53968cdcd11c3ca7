"""A bucket for tests: moto's S3 behind a door that takes signed URLs alone.

moto checks no signatures of URLs. The door does, by botocore, which has nothing in common with the program's own way of signing.
Usage: bucket.py PORT KEY SECRET BUCKET. Prints "up" when it listens.
"""

import datetime
import hmac
import sys
import urllib.parse

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

REGION = "us-east-1"


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


def refusal(environ, key, secret):
    """The code of S3 that says why, or None where the signature is right."""
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    asked = dict(pairs)
    signature = asked.get("X-Amz-Signature")
    if signature is None:
        return "AccessDenied"
    if asked.get("X-Amz-Credential", "").split("/")[0] != key:
        return "InvalidAccessKeyId"
    when = datetime.datetime.strptime(asked["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    age = (datetime.datetime.now(datetime.timezone.utc) - when).total_seconds()
    if age > float(asked["X-Amz-Expires"]):
        return "AccessDenied"
    host = environ["HTTP_HOST"]
    rest = [(name, value) for name, value in pairs if name != "X-Amz-Signature"]
    quoted = urllib.parse.urlencode(rest, quote_via=urllib.parse.quote, safe="-_.~")
    url = f"http://{host}{urllib.parse.quote(path, safe='/-_.~')}?{quoted}"
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers={"host": host})
    request.context["timestamp"] = asked["X-Amz-Date"]
    auth = S3SigV4QueryAuth(Credentials(key, secret), "s3", REGION)
    wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return None if hmac.compare_digest(wanted, signature) else "SignatureDoesNotMatch"


def main(port, key, secret, bucket):
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, REGION)
    inner = DomainDispatcherApplication(create_backend_app)

    def door(environ, start_response):
        code = refusal(environ, key, secret)
        if code is None:
            return inner(environ, start_response)
        start_response("403 Forbidden", [("content-type", "application/xml")])
        return [f"<Error><Code>{code}</Code></Error>".encode()]

    server = make_server("127.0.0.1", int(port), door, threaded=True, request_handler=Quiet)
    print("up", flush=True)
    server.serve_forever()


main(*sys.argv[1:])
