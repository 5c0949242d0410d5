//! Where the API answers: a Unix socket for this account, and loopback.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::Peer;

/// How many ports behind a taken one are tried.
const NEXT_PORTS: u16 = 100;

/// A TCP listener whose connections send small answers at once.
#[derive(Debug)]
pub struct Tcp(TcpListener);

impl Listener for Tcp {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "answers may be late");
        }
        (stream, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Listeners that are bound and do not answer yet.
#[derive(Debug)]
pub struct Listeners {
    tcp: Vec<Tcp>,
    #[cfg(unix)]
    unix: Option<tokio::net::UnixListener>,
    address: SocketAddr,
}

impl Listeners {
    /// Binds a port of loopback: one of `ports`, else the next free one behind the last of them.
    /// Where IPv4 is asked for, the same port of IPv6 answers too if it is free.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn bind(ip: IpAddr, ports: &[u16]) -> io::Result<Listeners> {
        let last = ports.last().copied().unwrap_or(0);
        let behind = (1..=NEXT_PORTS).filter_map(|n| last.checked_add(n)).filter(|_| last != 0);
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for port in ports.iter().copied().chain(behind) {
            match TcpListener::bind((ip, port)).await {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    let mut tcp = vec![Tcp(listener)];
                    if ip.is_ipv4() {
                        match TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await {
                            Ok(listener) => tcp.push(Tcp(listener)),
                            Err(error) => tracing::debug!(%error, "not listening on ::1"),
                        }
                    }
                    return Ok(Listeners {
                        tcp,
                        #[cfg(unix)]
                        unix: None,
                        address,
                    });
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Returns where TCP answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells whether a Unix socket answers too.
    pub fn socket(&self) -> bool {
        #[cfg(unix)]
        return self.unix.is_some();
        #[cfg(not(unix))]
        return false;
    }

    /// Binds the Unix socket, for this account alone. A socket that an earlier daemon left behind
    /// is replaced: the caller holds the lock of the home.
    ///
    /// # Errors
    /// The socket cannot be made, such as where its path is too long.
    #[cfg(unix)]
    pub fn bind_socket(&mut self, path: &std::path::Path) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = tokio::net::UnixListener::bind(path)?;
        // Its folder is closed to others, so nobody came in before this.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        self.unix = Some(listener);
        Ok(())
    }

    /// Answers on all listeners, in tasks of their own, until `stop` is cancelled; requests under
    /// way are finished.
    pub fn serve(self, router: &Router, stop: &CancellationToken, tasks: &TaskTracker) {
        for listener in self.tcp {
            let service = router.clone().into_make_service_with_connect_info::<Peer>();
            let stop = stop.clone();
            let served = axum::serve(listener, service)
                .with_graceful_shutdown(async move { stop.cancelled().await });
            tasks.spawn(async move { report(served.await) });
        }
        #[cfg(unix)]
        if let Some(listener) = self.unix {
            let service = router.clone().into_make_service_with_connect_info::<Peer>();
            let stop = stop.clone();
            let served = axum::serve(listener, service)
                .with_graceful_shutdown(async move { stop.cancelled().await });
            tasks.spawn(async move { report(served.await) });
        }
    }
}

fn report(served: io::Result<()>) {
    if let Err(error) = served {
        tracing::error!(%error, "the API stopped answering");
    }
}
