//! A wire between the service and PostgreSQL that can be cut at the worst moment.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Where the next COMMIT meets the scissors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    Nowhere = 0,
    /// The server has committed, and its answer is lost.
    AfterCommit = 1,
    /// The server never hears of it.
    BeforeCommit = 2,
}

/// The wire.
pub struct Proxy {
    pub address: SocketAddr,
    next: Arc<AtomicU8>,
}

/// `COMMIT` as a message of PostgreSQL's protocol: a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
/// The server's answer to it.
const COMMITTED: &[u8] = b"COMMIT\0Z\0\0\0\x05";

impl Proxy {
    /// Starts a wire to a server; it ends with the test's process.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let next = Arc::new(AtomicU8::new(Cut::Nowhere as u8));
        let scissors = Arc::clone(&next);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(server) {
                    carry(client, server, &scissors);
                }
            }
        });
        Self { address, next }
    }

    /// Cuts the wire of whoever commits next, once.
    pub fn cut_next(&self, cut: Cut) {
        self.next.store(cut as u8, Ordering::SeqCst);
    }

    /// Whether the cut that was asked for has been made.
    pub fn has_cut(&self) -> bool {
        self.next.load(Ordering::SeqCst) == Cut::Nowhere as u8
    }
}

/// Carries bytes both ways. A client waits for each answer, so a COMMIT comes in one piece.
fn carry(mut client: TcpStream, mut server: TcpStream, scissors: &Arc<AtomicU8>) {
    let (mut to_client, mut from_server) =
        (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
    let lose = Arc::new(AtomicU8::new(0));
    let loses = Arc::clone(&lose);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from_server.read(&mut bytes) {
            if loses.load(Ordering::SeqCst) == 1 {
                let committed = bytes[..count].windows(COMMITTED.len()).any(|w| w == COMMITTED);
                assert!(committed, "the server answered something else to COMMIT");
                break;
            }
            if to_client.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = (to_client.shutdown(Shutdown::Both), from_server.shutdown(Shutdown::Both));
    });
    let scissors = Arc::clone(scissors);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = client.read(&mut bytes) {
            if bytes[..count].ends_with(COMMIT) {
                match scissors.swap(0, Ordering::SeqCst) {
                    1 => lose.store(1, Ordering::SeqCst),
                    2 => break,
                    _ => {}
                }
            }
            if server.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        if lose.load(Ordering::SeqCst) == 0 {
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        }
    });
}
