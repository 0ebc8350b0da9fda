//! The page: what the camera sees, what the network thinks of it, and how the board fares.
//!
//! ```text
//! telemetry -> history -+-> live (server-sent events)
//!                       +-> metrics, events, picture (on request)
//! ```
//!
//! Everything runs on one thread of its own, on a single-threaded tokio runtime under hyper: a
//! browser that hangs costs the page, never the inference. Requests are bounded in size, number and
//! time, nothing in a request names a file, and beyond loopback every one of them needs the token.
//!
//! The pictures are encoded by `jpeg-encoder`, which is based in part on the work of the Independent
//! JPEG Group.

mod access;
mod answer;
mod card;
mod connections;
mod live;
mod metrics;
mod picture;
mod routes;
mod site;
mod token;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::runtime;
use tokio::task::LocalSet;

use crate::telemetry::Telemetry;
pub use access::Access;
pub use card::Card;
use site::Site;
pub use token::read_or_make as read_or_make_token;

/// The port of the page unless something else is said.
const USUAL_PORT: u16 = 8080;

/// How often the samples are taken in and pushed to the browsers.
const TICK: Duration = Duration::from_millis(100);

/// Where the page is to be found.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct PageSettings {
    /// The address to listen on; port 0 takes any that is free.
    pub address: SocketAddr,
    /// The file that keeps the token, which addresses beyond loopback need.
    pub token_file: Option<PathBuf>,
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT)),
            token_file: None,
        }
    }
}

impl PageSettings {
    /// Whether others than the board itself can reach it.
    pub fn is_open(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// The file of the token; nothing where none is needed.
    ///
    /// # Errors
    ///
    /// When one is needed and there is no place for it.
    pub fn token_path(&self) -> Result<Option<PathBuf>> {
        match &self.token_file {
            Some(path) => Ok(Some(path.clone())),
            None if self.is_open() => token::usual_path().map(Some),
            None => Ok(None),
        }
    }
}

/// What the page is about: fixed while the program runs.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The source's name.
    pub source: String,
    /// The model.
    pub card: Card,
}

/// A page that is ready to be served, with what a person has to know of it.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    access: Access,
    /// Where it is.
    pub address: SocketAddr,
    /// A token that was just made: to be shown once.
    pub new_token: Option<String>,
}

impl Page {
    /// Takes the address, and makes the token where one is needed and none is there yet.
    ///
    /// # Errors
    ///
    /// When the address is not to be had, or the token can be neither read nor made.
    pub fn open(settings: &PageSettings) -> Result<Self> {
        let address = settings.address;
        let token = settings.token_path()?;
        let token = token.as_deref().map(token::read_or_make).transpose()?;
        let taken = || format!("the page cannot have the address {address}");
        let listener = TcpListener::bind(address).with_context(taken)?;
        listener.set_nonblocking(true).with_context(taken)?;
        let address = listener.local_addr().with_context(taken)?;
        let new_token = token.as_ref().and_then(|token| token.shown_once());
        let access = Access::new(token.map(|token| token.text));
        Ok(Self {
            listener,
            access,
            address,
            new_token,
        })
    }

    /// Serves it on a thread of its own, as long as the program runs.
    ///
    /// # Errors
    ///
    /// When the thread cannot be had.
    pub fn serve(self, telemetry: Arc<Telemetry>, subject: Subject) -> Result<()> {
        telemetry.watch();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the page cannot be served")?;
        let serve = move || {
            let local = LocalSet::new();
            local.block_on(&runtime, async move {
                let site = Site::new(telemetry, self.access, subject);
                tokio::task::spawn_local(site::tick(site.clone(), TICK));
                connections::serve(self.listener, site).await;
            });
        };
        let thread = std::thread::Builder::new().name("page".into());
        thread.spawn(serve).context("the page cannot be served")?;
        Ok(())
    }
}
