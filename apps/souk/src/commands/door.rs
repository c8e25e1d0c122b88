//! Where a process is reached, before and after it answers.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use super::Error;

/// Connections that may wait to be accepted, as many as tokio's own listeners have.
const WAITING: u32 = 1024;

/// An address that belongs to this process.
pub enum Door {
    /// Whoever comes is refused, and may go to another process at once. Of the setting that names it.
    Closed(TcpSocket, &'static str, SocketAddr),
    /// Whoever comes waits until somebody answers.
    Open(TcpListener),
}

impl Door {
    /// Takes the address that a setting names; port 0 takes a free one.
    pub fn close(setting: &'static str, address: SocketAddr) -> Result<(Self, SocketAddr), Error> {
        let taken = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // Elsewhere it would let two processes listen on one port.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            Ok((Self::Closed(socket, setting, address), address))
        };
        taken().map_err(|source| refused(setting, address, source))
    }

    /// From now on whoever comes waits.
    pub fn open(self) -> Result<Self, Error> {
        self.listen().map(Self::Open)
    }

    /// To answer them.
    pub fn listen(self) -> Result<TcpListener, Error> {
        match self {
            Self::Closed(socket, setting, address) => {
                socket.listen(WAITING).map_err(|source| refused(setting, address, source))
            }
            Self::Open(listener) => Ok(listener),
        }
    }
}

fn refused(setting: &str, address: SocketAddr, source: std::io::Error) -> Error {
    Error::Io { what: format!("{setting}: can't listen on {address}"), source }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_closed_door_refuses_and_an_open_one_has_callers_wait() {
        let (door, address) = Door::close("--listen", "127.0.0.1:0".parse().unwrap()).unwrap();
        assert!(TcpStream::connect(address).is_err());
        let door = door.open().unwrap();
        assert!(TcpStream::connect(address).is_ok());
        let second = Door::close("--listen", address).and_then(|(door, _)| door.open());
        let error = second.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with("--listen: can't listen on 127.0.0.1"), "{error}");
        drop(door);
    }
}
