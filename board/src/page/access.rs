//! Who may see the page.
//!
//! What comes from the board itself needs no token: from a loopback address, for a loopback name (a
//! name of another's choice that resolves to loopback is how a foreign page would get in), and not
//! handed on by a proxy. All else needs the token, as a bearer or in the cookie that signing in
//! gives.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, FORWARDED, HOST};

use super::token::plain;

/// The cookie's name.
const COOKIE_NAME: &str = "praxiscope";

/// The rule.
#[derive(Debug)]
pub struct Access {
    token: Option<String>,
}

impl Access {
    /// With the token that opens the page, if there is one.
    pub fn new(token: Option<String>) -> Self {
        Self { token }
    }

    /// Whether a request from `peer` with these headers may be answered.
    pub fn allows(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        is_local(peer, headers) || self.credentials(headers).any(|text| self.opens(text))
    }

    /// Whether `text` is the token.
    pub fn opens(&self, text: &str) -> bool {
        let (Some(token), text) = (&self.token, plain(text)) else {
            return false;
        };
        // Every character is looked at, so that the time tells nothing.
        let differences = token.bytes().zip(text.bytes());
        let differences = differences.fold(0, |all, (a, b)| all | (a ^ b));
        token.len() == text.len() && differences == 0
    }

    /// The `Set-Cookie` that lets a browser in from now on.
    pub fn cookie(&self) -> String {
        let token = self.token.as_deref().unwrap_or_default();
        format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000")
    }

    fn credentials<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let text = |value: &'a hyper::header::HeaderValue| value.to_str().ok();
        let bearer = headers.get(AUTHORIZATION).and_then(text);
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
        let cookies = headers.get_all(COOKIE).iter().filter_map(text);
        let cookies = cookies.flat_map(|line| line.split(';'));
        let cookies = cookies.filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE_NAME).then_some(value)
        });
        bearer.into_iter().chain(cookies)
    }
}

fn is_local(peer: IpAddr, headers: &HeaderMap) -> bool {
    let handed_on = headers.contains_key(FORWARDED) || headers.contains_key("x-forwarded-for");
    let mut hosts = headers.get_all(HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(names_loopback),
        _ => false,
    };
    peer.to_canonical().is_loopback() && named && !handed_on
}

/// Whether a `Host` header, with or without a port, means this machine.
fn names_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijkmnpqrstuvwxyz";

    fn allows(peer: &str, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Access::new(Some(TOKEN.into())).allows(peer.parse().unwrap(), &map)
    }

    #[test]
    fn the_board_itself_needs_no_token() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:1"] {
            for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
                assert!(allows(peer, &[("host", host)]), "{peer} {host}");
            }
            assert!(!allows("192.168.1.7", &[("host", host)]), "{host}");
        }
    }

    #[test]
    fn a_foreign_name_or_a_proxy_makes_loopback_foreign() {
        for headers in [
            &[][..],
            &[("host", "evil.example")],
            &[("host", "localhost.evil.example")],
            &[("host", "[::2]")],
            &[("host", "localhost"), ("host", "localhost")],
            &[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")],
            &[("host", "localhost"), ("forwarded", "for=10.0.0.1")],
        ] {
            assert!(!allows("127.0.0.1", headers), "{headers:?}");
        }
    }

    #[test]
    fn the_token_opens_and_nothing_like_it_does() {
        let peer = "192.168.1.7";
        let grouped = "abcd-efgh-ijkm-npqr-stuv-wxyz";
        for (header, value, wanted) in [
            ("authorization", format!("Bearer {TOKEN}"), true),
            ("authorization", format!("Bearer {grouped}"), true),
            ("authorization", format!("Basic {TOKEN}"), false),
            ("authorization", format!("Bearer {TOKEN}a"), false),
            ("authorization", "Bearer ".into(), false),
            ("cookie", format!("a=b; praxiscope={TOKEN}; c=d"), true),
            ("cookie", format!("other={TOKEN}"), false),
            ("cookie", "praxiscope=".into(), false),
            ("cookie", format!("praxiscope={}", &TOKEN[1..]), false),
        ] {
            assert_eq!(allows(peer, &[(header, &value)]), wanted, "{value}");
        }
    }

    #[test]
    fn without_a_token_nothing_opens() {
        let access = Access::new(None);
        assert!(!access.opens("") && !access.opens(TOKEN));
    }
}
