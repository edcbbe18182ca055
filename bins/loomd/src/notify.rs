//! Tells the service manager how it stands: systemd's protocol of one datagram a word.

use crate::setup::Surroundings;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// The way to the service manager, when there is one.
pub(crate) struct Notifier {
    socket: Option<String>,
}

impl Notifier {
    /// The one that started this process and wants to hear of it.
    pub(crate) fn of(here: &Surroundings) -> Self {
        Self {
            socket: here.var("NOTIFY_SOCKET").map(str::to_owned),
        }
    }

    /// Says a word. That it was not heard is no reason to stop.
    pub(crate) fn say(&self, word: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = send(socket, word) {
            tracing::warn!(%error, word, "the service manager was not told");
        }
    }
}

fn send(socket: &str, word: &str) -> std::io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    match socket.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            sender.send_to_addr(word.as_bytes(), &address)?;
        }
        _ => {
            sender.send_to(word.as_bytes(), Path::new(socket))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_arrives_at_the_socket_that_was_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier {
            socket: Some(path.to_string_lossy().into_owned()),
        };
        notifier.say("READY=1");
        let mut word = [0; 32];
        let length = manager.recv(&mut word).unwrap();
        assert_eq!(&word[..length], b"READY=1");
        // Nobody there, and nobody to tell.
        Notifier { socket: None }.say("READY=1");
    }
}
