//! The three listening addresses, checked before anything starts.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Somebody else listens there.
    #[error(
        "the {name} port {port} on {bind} is already in use: stop what listens there, or choose another with {flag}"
    )]
    Taken {
        /// What the port is for.
        name: &'static str,
        /// The port.
        port: u16,
        /// The address.
        bind: IpAddr,
        /// The flag that changes it.
        flag: &'static str,
    },
    /// The address cannot be used at all.
    #[error("cannot listen for {name} on {address}: {source}")]
    Unusable {
        /// What the port is for.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Two services were given one port.
    #[error("{first} and {second} are both set to {port}: give each its own port")]
    Same {
        /// A flag.
        first: &'static str,
        /// Another flag.
        second: &'static str,
        /// The port they share.
        port: u16,
    },
}

/// The ports, free at the moment that this was made.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) rpc: SocketAddr,
    pub(crate) ws: SocketAddr,
    /// Held open: this server is ours, so that the port cannot be lost.
    pub(crate) grpc: TcpListener,
}

impl Ports {
    /// Checks the ports; 0 stands for any free one.
    pub(crate) fn claim(bind: IpAddr, rpc: u16, ws: u16, grpc: u16) -> Result<Self, PortError> {
        let flags = [("--rpc-port", rpc), ("--ws-port", ws), ("--grpc-port", grpc)];
        for (index, (second, port)) in flags.iter().enumerate() {
            if let Some((first, _)) = flags[..index].iter().find(|(_, other)| other == port && *port != 0) {
                return Err(PortError::Same {
                    first,
                    second,
                    port: *port,
                });
            }
        }
        // All three are held until all three are known, so that 0 cannot yield one port twice.
        let rpc = listen(bind, rpc, "JSON-RPC", "--rpc-port")?;
        let ws = listen(bind, ws, "WebSocket", "--ws-port")?;
        let grpc = listen(bind, grpc, "Yellowstone gRPC", "--grpc-port")?;
        let address = |name, listener: &TcpListener| {
            let unusable = |source| PortError::Unusable {
                name,
                address: SocketAddr::new(bind, 0),
                source,
            };
            listener.local_addr().map_err(unusable)
        };
        Ok(Self {
            rpc: address("JSON-RPC", &rpc)?,
            ws: address("WebSocket", &ws)?,
            grpc,
        })
    }
}

fn listen(bind: IpAddr, port: u16, name: &'static str, flag: &'static str) -> Result<TcpListener, PortError> {
    let address = SocketAddr::new(bind, port);
    TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => PortError::Taken { name, port, bind, flag },
        _ => PortError::Unusable { name, address, source },
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_taken_port_is_named_with_its_flag() {
        let taken = TcpListener::bind((LOCAL, 0)).expect("a free port");
        let port = taken.local_addr().expect("its address").port();
        let error = Ports::claim(LOCAL, 0, port, 0)
            .expect_err("the port is taken")
            .to_string();
        assert!(
            error.contains(&format!("WebSocket port {port}")) && error.contains("--ws-port"),
            "{error}"
        );
    }

    #[test]
    fn one_port_for_two_services_is_refused() {
        let error = Ports::claim(LOCAL, 4567, 0, 4567)
            .expect_err("the same port twice")
            .to_string();
        assert!(error.contains("--rpc-port") && error.contains("--grpc-port"), "{error}");
    }
}
