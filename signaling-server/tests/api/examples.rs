//! The examples of docs/API.md, run as they stand there: what is shown to people has to work.

use crate::common::Server;
use crate::people;
use crate::receiver::Receiver;
use crate::{by_command, own_token};
use confab_protocol::{AccountRole, TokenScope};
use std::process::{Command, Output};

const DOCUMENT: &str = include_str!("../../../docs/API.md");

/// The blocks of code in a language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    let mut found = Vec::new();
    let mut rest = DOCUMENT;
    while let Some((_, after)) = rest.split_once(opening.as_str()) {
        let (block, after) = after.split_once("```").expect("a block has an end");
        found.push(block);
        rest = after;
    }
    found
}

async fn run(mut command: Command) -> Output {
    let done = tokio::task::spawn_blocking(move || command.output());
    done.await
        .unwrap()
        .expect("bash, curl and python3 are there")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[tokio::test]
async fn the_examples_do_what_the_page_says() {
    let server = Server::start_with(|config| config.webhooks.private = true).await;
    let ada = people::person(&server, "ada@example.org", AccountRole::Owner).await;
    let token = own_token(&ada, &[TokenScope::MeetingsRead, TokenScope::MeetingsWrite]).await;
    let admin = [
        TokenScope::AdminRead,
        TokenScope::AdminWrite,
        TokenScope::Webhooks,
    ];
    let receiver = Receiver::start();

    let shell = blocks("bash");
    assert!(shell.len() >= 7, "{}", shell.len());
    let script = format!("set -eu\n{}\necho \"$SECRET\"\n", shell.join("\n"));
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .env("CONFAB", format!("http://{}", server.http()))
        .env("TOKEN", token.secret)
        .env("ADMIN", by_command(&server, None, &admin).await)
        .env("RECEIVER", receiver.url());
    let secret = said(&run(command).await).trim().to_owned();

    // The letter that the example asked for, by the page's own way to verify it.
    let letters = receiver.wait(1).await;
    let letter = &letters[0];
    assert_eq!(letter.event(), "webhook.test");
    let [verify] = blocks("python")[..] else {
        panic!("one example in Python");
    };
    let program = format!(
        "{verify}\nimport json, sys\nsecret, headers, body = sys.argv[1:]\nheaders = json.loads(headers)\n\
         print(verify(secret, headers, body.encode()), verify(secret, headers, (body + ' ').encode()), \
         verify(secret, dict(headers, **{{'webhook-timestamp': '1'}}), body.encode()))"
    );
    let mut command = Command::new("python3");
    let headers = serde_json::to_string(&letter.headers).unwrap();
    command.args(["-c", &program, &secret, &headers, &letter.body]);
    assert_eq!(said(&run(command).await).trim(), "True False False");
}
