//! Connections: how many there may be, and for how long one may dawdle.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

use super::routes;
use super::site::Site;

/// Connections at the same time.
const CONNECTIONS: usize = 48;
/// Of these from one address: a browser opens six.
const FROM_ONE: usize = 16;
/// The longest head of a request, in bytes.
const HEAD: usize = 16 << 10;
/// How long a request's head may take, the wait for it on an idle connection too.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// A browser that takes nothing for so long has gone.
const WRITE_TIME: Duration = Duration::from_secs(15);
/// The pause after the system refused a connection, for want of descriptors say.
const BREATHER: Duration = Duration::from_millis(200);

/// Answers requests for ever.
pub async fn serve(listener: TcpListener, site: Rc<Site>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let seats = Seats::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Whoever finds no seat is sent away by closing the connection.
                if let Some(seat) = seats.take(peer.ip().to_canonical()) {
                    tokio::task::spawn_local(connection(stream, seat, Rc::clone(&site)));
                }
            }
            Err(_) => tokio::time::sleep(BREATHER).await,
        }
    }
}

async fn connection(stream: TcpStream, seat: Seat, site: Rc<Site>) {
    // Small messages go out at once; where that is refused they only come later.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME));
    let peer = seat.peer;
    let service = service_fn(|request| routes::answer(request, peer, Rc::clone(&site)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD);
    // A connection that breaks is the browser's business.
    let _ = http
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .await;
}

/// Who is connected.
#[derive(Clone, Default)]
struct Seats(Rc<RefCell<HashMap<IpAddr, usize>>>);

/// One connection's place, free again when dropped.
struct Seat {
    seats: Seats,
    peer: IpAddr,
}

impl Seats {
    fn take(&self, peer: IpAddr) -> Option<Seat> {
        let mut taken = self.0.borrow_mut();
        let all: usize = taken.values().sum();
        let own = taken.get(&peer).copied().unwrap_or_default();
        if all >= CONNECTIONS || own >= FROM_ONE {
            return None;
        }
        taken.insert(peer, own + 1);
        Some(Seat {
            seats: self.clone(),
            peer,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.borrow_mut();
        match taken.get_mut(&self.peer) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.peer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_and_given_back() {
        let seats = Seats::default();
        let peer = |number: u8| IpAddr::from([10, 0, 0, number]);
        let mut held: Vec<_> = (0..FROM_ONE).filter_map(|_| seats.take(peer(1))).collect();
        assert_eq!(held.len(), FROM_ONE);
        assert!(seats.take(peer(1)).is_none());
        held.pop();
        held.extend(seats.take(peer(1)));
        assert_eq!(held.len(), FROM_ONE);
        held.extend((2..=100).filter_map(|number| seats.take(peer(number))));
        assert_eq!(held.len(), CONNECTIONS);
        held.clear();
        assert!(seats.0.borrow().is_empty());
    }
}
