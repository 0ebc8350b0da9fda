//! The page, asked over HTTP by a program that means well and by one that does not.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use praxiscope_tests::files::folder;
use praxiscope_tests::http::{address_in, connect, get, send};
use praxiscope_tests::programs::{Running, praxiscope};

const PATIENCE: Duration = Duration::from_secs(60);

/// The demo's page, on any free port of loopback.
fn demo() -> (Running, SocketAddr) {
    let program = praxiscope().args("demo --page 127.0.0.1:0");
    let (running, line) = program.start_until("the page is at");
    (running, address_in(&line))
}

/// Asks again until the answer is as wanted.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what} does not come");
        sleep(Duration::from_millis(50));
    }
}

fn steps(page: SocketAddr) -> u64 {
    let state = get(page, "/api/state", &[]).json();
    state["counts"]["steps"].as_u64().expect("a count")
}

#[test]
fn the_page_shows_what_the_pipeline_does() {
    let (running, page) = demo();
    let events = wait_for("an event", || {
        let events = get(page, "/api/events", &[]).json()["events"].clone();
        (events.as_array()?.len() >= 2).then_some(events)
    });
    assert_eq!(events[0]["event"], "start");
    assert_eq!(events[0]["label"], "swipe_left");
    assert_eq!(events[1]["event"], "end");
    let picture = get(page, "/picture.jpg", &[]);
    assert_eq!(
        (picture.status, &picture.body[..2]),
        (200, &b"\xff\xd8"[..])
    );
    let metrics = get(page, "/metrics", &[]).text();
    for sample in [
        "praxiscope_events_total{label=\"swipe_left\"} 1\n",
        "praxiscope_up 1\n",
        "praxiscope_stage_seconds_count{stage=\"infer\"}",
        "# TYPE praxiscope_frames_total counter\n",
    ] {
        assert!(metrics.contains(sample), "{sample} is not in {metrics}");
    }
    let health = get(page, "/healthz", &[]);
    assert_eq!((health.status, &*health.text()), (200, "ok\n"));
    running.terminate();
    let said = running.wait().good().stderr;
    assert!(said.contains("swipe") || said.contains("events"), "{said}");
}

#[test]
fn the_stream_greets_and_goes_on() {
    let (_running, page) = demo();
    let mut stream = connect(page);
    write!(
        stream,
        "GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .unwrap();
    let mut heard = String::new();
    let mut piece = [0; 4096];
    while heard.matches("event: tick").count() < 3 {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "{heard}");
        heard += &String::from_utf8_lossy(&piece[..length]);
    }
    assert!(heard.contains("content-type: text/event-stream"), "{heard}");
    assert!(heard.find("event: hello") < heard.find("event: tick"));
    assert!(heard.contains("\"receptive_field\":11"), "{heard}");
}

#[test]
fn every_answer_forbids_what_the_page_does_not_need() {
    let (_running, page) = demo();
    for path in ["/", "/page.js", "/metrics", "/nothing", "/picture.jpg"] {
        let head = get(page, path, &[]).head;
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{header} is not in {head}");
        }
    }
}

#[test]
fn no_path_reaches_the_file_system() {
    let (_running, page) = demo();
    for path in [
        "/etc/passwd",
        "//etc/passwd",
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/page.js/../../Cargo.toml",
        "/assets/index.html",
        "/page.css%00.html",
        "/picture.jpg/",
        "http://127.0.0.1/etc/passwd",
    ] {
        assert_eq!(get(page, path, &[]).status, 404, "{path}");
    }
}

#[test]
fn requests_are_bounded_and_only_read() {
    let (_running, page) = demo();
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "a".repeat(100_000)
    );
    let status = send(page, long.as_bytes()).status;
    assert!(matches!(status, 0 | 414 | 431), "{status}");
    let many = format!("X-Filler: {}\r\n", "b".repeat(1000)).repeat(100);
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n");
    let status = send(page, many.as_bytes()).status;
    assert!(matches!(status, 0 | 431), "{status}");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let request =
            format!("{method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(send(page, request.as_bytes()).status, 405, "{method}");
    }
    let form = |length: usize| {
        let body = format!("token={}", "x".repeat(length));
        format!(
            "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(send(page, form(20).as_bytes()).status, 401);
    let status = send(page, form(1_000_000).as_bytes()).status;
    assert!(matches!(status, 0 | 413), "{status}");
    for nonsense in [
        &b"\x16\x03\x01\x02\0"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let status = send(page, &[nonsense, b"\r\n\r\n"].concat()).status;
        assert!(matches!(status, 0 | 400), "{status}");
    }
    assert_eq!(get(page, "/healthz", &[]).status, 200);
}

#[test]
fn another_host_name_is_not_this_machine() {
    let (_running, page) = demo();
    for header in [
        "Host: evil.example",
        "Host: 192.168.1.7:8080",
        "X-Forwarded-For: 192.168.1.7",
    ] {
        assert_eq!(get(page, "/api/events", &[header]).status, 401, "{header}");
    }
}

#[test]
fn browsers_that_hang_and_crowds_hold_nothing_up() {
    let (_running, page) = demo();
    let hanging: Vec<_> = (0..200)
        .map(|number| {
            let mut stream = connect(page);
            // Some say nothing, some half a request, some ask for the stream and read nothing. The
            // server may have hung up on the crowd already.
            let said: &[u8] = match number % 3 {
                0 => b"",
                1 => b"GET / HT",
                _ => b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
            };
            let _ = stream.write_all(said);
            stream
        })
        .collect();
    sleep(Duration::from_millis(1500));
    drop(hanging);
    let before = wait_for("an answer after the crowd", || {
        let answer = get(page, "/api/state", &[]);
        (answer.status == 200).then(|| answer.json()["counts"].clone())
    });
    assert_eq!(before["late"], 0, "{before}");
    assert!(before["steps"].as_u64().unwrap() >= 10, "{before}");
    wait_for("another step", || {
        (steps(page) > before["steps"].as_u64()?).then_some(())
    });
}

#[test]
fn beyond_loopback_the_token_is_wanted_and_shown_once() {
    let folder = folder();
    let state = folder.path().join("state");
    let start = || {
        let program = praxiscope().args("demo --page 0.0.0.0:0");
        program.env("STATE_DIRECTORY", &state)
    };
    let (running, line) = start().start_until("the token");
    let token = line
        .split("the token ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let file = state.join("page-token");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(kept.trim(), token.replace('-', ""));
    running.terminate();
    running.wait();

    let (running, line) = start().start_until("the page is at");
    let page = SocketAddr::from(([127, 0, 0, 1], address_in(&line).port()));
    // What comes for another host name counts as from beyond.
    let board = "Host: board.local";
    for path in [
        "/",
        "/page.js",
        "/api/stream",
        "/metrics",
        "/healthz",
        "/nothing",
    ] {
        assert_eq!(get(page, path, &[board]).status, 401, "{path}");
        let wrong = "Authorization: Bearer aaaaaaaaaaaaaaaaaaaaaaaa";
        assert_eq!(get(page, path, &[board, wrong]).status, 401, "{path}");
    }
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(get(page, "/metrics", &[board, &bearer]).status, 200);
    let body = format!("token={token}");
    let form = format!(
        "POST /sign-in HTTP/1.1\r\n{board}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = send(page, form.as_bytes());
    assert_eq!(answer.status, 303, "{answer:?}");
    let cookie = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.expect("a cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    assert_eq!(get(page, "/api/events", &[board, &cookie]).status, 200);
    running.terminate();
    let said = running.wait().stderr;
    assert!(
        !said.contains(token) && !said.contains("the token"),
        "{said}"
    );

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    start().run().refused(&["token", "chmod 600"]);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let (_running, page) = demo();
    let program = praxiscope().args("demo --page").arg(page.to_string());
    program.run().refused(&["page", &page.to_string()]);
}
