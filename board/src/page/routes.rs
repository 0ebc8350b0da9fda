//! From a request to its answer. What can be asked for is fixed here, by name: nothing in a request
//! reaches the file system.

use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::answer::{Answer, AnswerBody, answer as respond, plain, whole};
use super::site::{Health, Site};
use super::{live, metrics};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// What the sign-in page may do: a form, and the script and style that stand in it.
const SIGN_IN_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'; script-src 'nonce-*'; style-src 'nonce-*'";

/// Files that never change.
const FILES: [(&str, &str, &str); 4] = [
    ("/", HTML, include_str!("assets/index.html")),
    (
        "/page.css",
        "text/css; charset=utf-8",
        include_str!("assets/page.css"),
    ),
    (
        "/page.js",
        "text/javascript; charset=utf-8",
        include_str!("assets/page.js"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("assets/icon.svg"),
    ),
];
const SIGN_IN: &str = include_str!("assets/sign-in.html");

/// A form with a token in it is shorter.
const FORM_CAP: usize = 1024;
const FORM_TIME: Duration = Duration::from_secs(5);

/// Answers one request of `peer`.
///
/// # Errors
///
/// Never.
pub async fn answer(
    request: Request<Incoming>,
    peer: IpAddr,
    site: Rc<Site>,
) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    if path == "/sign-in" && request.method() == Method::POST {
        return Ok(sign_in(request, &site).await);
    }
    if !site.access.allows(peer, request.headers()) {
        return Ok(refused(path));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only reading is possible");
        let allowed = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allowed);
        return Ok(answer);
    }
    Ok(read(path, &site))
}

fn read(path: &str, site: &Rc<Site>) -> Answer {
    let ok = StatusCode::OK;
    if let Some((_, kind, text)) = FILES.iter().find(|(name, ..)| *name == path) {
        return whole(ok, kind, *text);
    }
    match path {
        "/healthz" => match site.health() {
            Health::Starting | Health::Live => plain(ok, "ok"),
            Health::Away => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the source is away and is tried again",
            ),
            Health::Stalled(stage) => {
                let text = format!("the {} stage hangs", stage.name());
                plain(StatusCode::SERVICE_UNAVAILABLE, &text)
            }
        },
        "/metrics" => whole(ok, metrics::KIND, metrics::text(site)),
        "/api/events" => {
            let history = site.history.borrow();
            let events: Vec<_> = history.events.iter().map(live::event).collect();
            whole(ok, JSON, json!({ "events": events }).to_string())
        }
        "/api/state" => {
            let newest = site.history.borrow().newest_answer();
            whole(ok, JSON, live::state(site, (newest, 0)).to_string())
        }
        "/api/stream" => match site.live.borrow_mut().join(site) {
            Some(messages) => respond(ok, "text/event-stream", AnswerBody::Stream(messages)),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "too many are looking"),
        },
        "/picture.jpg" => match site.pictures.borrow_mut().newest(&site.telemetry) {
            Ok(Some(bytes)) => whole(ok, "image/jpeg", bytes),
            Ok(None) => plain(StatusCode::SERVICE_UNAVAILABLE, "no frame has come yet"),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
        },
        _ => plain(StatusCode::NOT_FOUND, "there is no such page"),
    }
}

/// Without the token: a form for it where a person looks, one sentence elsewhere.
fn refused(path: &str) -> Answer {
    let denied = StatusCode::UNAUTHORIZED;
    if path == "/" {
        form(denied, "")
    } else {
        plain(denied, "this needs the page's token")
    }
}

async fn sign_in(request: Request<Incoming>, site: &Site) -> Answer {
    let body = Limited::new(request.into_body(), FORM_CAP).collect();
    let body = match tokio::time::timeout(FORM_TIME, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "that is no token"),
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the form took too long"),
    };
    let form_text = String::from_utf8_lossy(&body);
    let token = form_text
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="));
    let token = token.unwrap_or_default().replace('+', " ");
    if !site.access.opens(&token) {
        return form(StatusCode::UNAUTHORIZED, "That is not the token.");
    }
    let mut answer = plain(StatusCode::SEE_OTHER, "welcome");
    let headers = answer.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static("/"));
    // A token is letters and digits.
    if let Ok(cookie) = HeaderValue::from_str(&site.access.cookie()) {
        headers.insert(SET_COOKIE, cookie);
    }
    answer
}

/// The sign-in page. Its script and style run by a number that is used once.
fn form(status: StatusCode, message: &str) -> Answer {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        return plain(status, "this needs the page's token");
    }
    let nonce = format!("{:032x}", u128::from_le_bytes(bytes));
    let page = SIGN_IN
        .replace("{nonce}", &nonce)
        .replace("{message}", message);
    let mut answer = whole(status, HTML, page);
    if let Ok(policy) = HeaderValue::from_str(&SIGN_IN_POLICY.replace('*', &nonce)) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}
