//! `billet instance create` and answers that are lost.

use super::{ID, VPC, billet, fake::Fake};
use crate::cli::Exit;
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

/// Answers these in their order, each on a connection of its own; none: hangs up instead. Gives the requests.
fn controller(answers: Vec<Option<(u16, String)>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let taken = requests.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let (mut request, mut part) = (String::new(), [0; 4096]);
            // The body is a JSON document, and the last that comes.
            while !request.ends_with('}') {
                let read = connection.read(&mut part).unwrap();
                assert!(read > 0, "{request}");
                request.push_str(std::str::from_utf8(&part[..read]).unwrap());
            }
            taken.lock().unwrap().push(request);
            if let Some((status, body)) = answer {
                let head = format!("HTTP/1.1 {status} As told\r\nconnection: close\r\ncontent-length");
                write!(connection, "{head}: {}\r\n\r\n{body}", body.len()).unwrap();
            }
        }
    });
    (endpoint, requests)
}

async fn create(endpoint: &str, more: &[&str]) -> super::Ended {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "Xq7-Xq7-Xq7\n").unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let words = ["instance", "create", "--name", "w", "--image", ID, "--vpc", VPC, "--nic", VPC];
    let file = ["--password-file", password.to_str().unwrap()];
    billet(endpoint, &[&words[..], &file, more].concat()).await
}

fn token(request: &str) -> &str {
    request.lines().find_map(|line| line.strip_prefix("x-client-token: ")).expect("a token")
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_asked_for_again_with_the_same_token() {
    let (endpoint, requests) = controller(vec![None, Some((202, json!({ "instance_id": ID }).to_string()))]);
    let ended = create(&endpoint, &[]).await;
    assert_eq!((ended.exit, ended.out.trim()), (Exit::Done, ID), "{ended:?}");
    let requests = requests.lock().unwrap().clone();
    assert_eq!((requests.len(), &requests[0]), (2, &requests[1]), "the same request");
    let first = token(&requests[0]).to_owned();
    let (endpoint, others) = controller(vec![Some((202, json!({ "instance_id": ID }).to_string()))]);
    create(&endpoint, &[]).await;
    assert_ne!(token(&others.lock().unwrap()[0]), first, "another creation has another token");
}

#[tokio::test]
async fn who_stays_without_an_answer_is_told_how_to_ask_again() {
    let (endpoint, requests) = controller(vec![None, None, None, None]);
    let ended = create(&endpoint, &["--count", "2"]).await;
    assert_eq!(ended.exit, Exit::Unreachable, "{ended:?}");
    let requests = requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 3, "and no more");
    assert!(ended.err.contains(&format!("--client-token {}", token(&requests[2]))), "{}", ended.err);
}

#[tokio::test]
async fn the_token_is_told_also_where_the_last_answer_says_nothing_of_the_first_call() {
    for (answers, told) in [
        (vec![None, Some((429, String::new()))], true),
        (vec![Some((202, "<html>".to_owned()))], true),
        (vec![Some((429, String::new()))], false),
    ] {
        let (endpoint, requests) = controller(answers);
        let ended = create(&endpoint, &[]).await;
        let first = requests.lock().unwrap()[0].clone();
        assert_eq!(ended.err.contains(&format!("--client-token {}", token(&first))), told, "{ended:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_given_is_used_and_one_that_is_none_is_wrong_usage() {
    let fake = Fake::plain(|_, _| Some((500, String::new())));
    let ended = create(&fake.endpoint(), &["--client-token", "mine-1"]).await;
    assert_eq!(ended.exit, Exit::Failed);
    assert!(ended.err.contains("--client-token mine-1"), "{}", ended.err);
    let asked = fake.asked();
    assert_eq!((asked.len(), &asked[0].headers["x-client-token"]), (1, &"mine-1".parse().unwrap()));
    for bad in ["", "a b", "é", &"x".repeat(65)] {
        assert!(bad.parse::<crate::cli::client::ClientToken>().is_err(), "{bad}");
    }
}
