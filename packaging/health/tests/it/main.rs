//! The program against a listener that answers well, badly, or not at all.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Output},
    thread,
};

fn ask(argument: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_image-health")).arg(argument).output().unwrap()
}

/// Asks a listener that answers once with this.
fn ask_one_who_says(answer: &'static str) -> (Output, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 512];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    (ask(&port.to_string()), server.join().unwrap())
}

#[test]
fn alive_is_what_answers_200_at_healthz() {
    let (output, request) = ask_one_who_says("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert!(output.status.success(), "{output:?}");
    assert!(request.starts_with("GET /healthz HTTP/1.0\r\n"), "{request}");
}

#[test]
fn another_status_and_something_that_is_not_http_are_told() {
    for answer in ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "+PONG\r\n", "HTTP/1.1 2000 No\r\n\r\n"] {
        let (output, _) = ask_one_who_says(answer);
        assert_eq!(output.status.code(), Some(1), "{answer}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(answer.split('\r').next().unwrap()), "{said}");
    }
}

#[test]
fn nobody_there_is_unhealthy_and_a_wrong_argument_is_a_usage_error() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(ask(&port.to_string()).status.code(), Some(1));
    assert_eq!(ask("65536").status.code(), Some(2));
    assert_eq!(ask("").status.code(), Some(2));
}
