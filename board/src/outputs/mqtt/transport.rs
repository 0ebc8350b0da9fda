//! Bytes to and from a broker, through TLS or not.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::config::{Address, MqttConfig};

/// How a broker is reached.
pub struct Dialer {
    address: Address,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Duration,
}

/// An open connection.
pub enum Link {
    /// Bare.
    Plain(TcpStream),
    /// Through TLS.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Dialer {
    /// Reads the certificates that the configuration names.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or the broker's name is none that a certificate could hold.
    pub fn new(config: &MqttConfig) -> Result<Self> {
        let address = config.address()?;
        let tls = if address.tls {
            let name = ServerName::try_from(address.host.clone())
                .map_err(|_| anyhow!("{} is no name of a server", address.host))?;
            Some((Arc::new(tls_config(&config.certificates()?)?), name))
        } else {
            None
        };
        Ok(Self {
            address,
            tls,
            timeout: Duration::from_secs_f64(config.timeout),
        })
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// When nobody answers in time, or not with a certificate that is vouched for.
    pub fn dial(&self) -> Result<Link> {
        let Address { host, port, .. } = &self.address;
        let addresses = (host.as_str(), *port)
            .to_socket_addrs()
            .with_context(|| format!("{host} has no address"))?;
        let mut refusal = None;
        let mut connected = None;
        for address in addresses {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    connected = Some(stream);
                    break;
                }
                Err(error) => refusal = Some(error),
            }
        }
        let Some(mut stream) = connected else {
            bail!(refusal.map_or(anyhow!("{host} has no address"), Into::into));
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        let Some((config, name)) = &self.tls else {
            return Ok(Link::Plain(stream));
        };
        let mut session = ClientConnection::new(Arc::clone(config), name.clone())?;
        while session.is_handshaking() {
            session
                .complete_io(&mut stream)
                .context("no agreement on TLS")?;
        }
        Ok(Link::Tls(Box::new(StreamOwned::new(session, stream))))
    }
}

fn tls_config(certificates: &[u8]) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(certificates) {
        let certificate = certificate.map_err(|error| anyhow!("`ca_file` is not PEM: {error}"))?;
        roots
            .add(certificate)
            .context("`ca_file` holds no certificate that can vouch")?;
    }
    if roots.is_empty() {
        bail!("`ca_file` holds no certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

impl Link {
    /// Reads what is there, or comes within `wait`; nothing when none does.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        let socket = match self {
            Self::Plain(socket) => &*socket,
            Self::Tls(stream) => &stream.sock,
        };
        // A time-out of nothing would mean none.
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        let read = match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        };
        match read {
            Ok(0) => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the broker hung up",
            )),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                Ok(0)
            }
            read => read,
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// When the connection is over, or the broker takes nothing.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }
}
