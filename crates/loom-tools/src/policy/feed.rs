//! What is known of the bytes that go through a pipe.

/// What a command reads or writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Feed {
    /// Whether there is a pipe or a redirection at all.
    pub(super) piped: bool,
    /// The text itself, where it is known.
    pub(super) text: Option<String>,
    /// Names of files below these paths.
    pub(super) paths: Vec<String>,
    /// It has content of files.
    pub(super) local: bool,
    /// It has secrets.
    pub(super) secret: bool,
    /// It came over the network.
    pub(super) remote: bool,
    /// Somebody on the network writes it live.
    pub(super) socket: bool,
    /// It never ends.
    pub(super) endless: bool,
    /// It was decoded in a way that is not followed here.
    pub(super) hidden: bool,
}

impl Feed {
    /// Text that is known.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            piped: true,
            text: Some(text.into()),
            ..Self::default()
        }
    }

    /// Content of a file.
    pub(super) fn local(secret: bool) -> Self {
        Self {
            piped: true,
            local: true,
            secret,
            ..Self::default()
        }
    }

    /// Bytes without an end.
    pub(super) fn endless() -> Self {
        Self {
            piped: true,
            endless: true,
            ..Self::default()
        }
    }

    /// Output about which nothing is known, of a program that read this.
    pub(super) fn after(self) -> Self {
        Self {
            piped: true,
            text: None,
            paths: Vec::new(),
            endless: false,
            ..self
        }
    }

    /// Both, one after the other.
    pub(super) fn and(self, other: Self) -> Self {
        let text = match (self.text, other.text) {
            (Some(a), Some(b)) => Some(a + &b),
            (Some(text), None) if !other.piped => Some(text),
            (None, Some(text)) if !self.piped => Some(text),
            _ => None,
        };
        Self {
            piped: self.piped || other.piped,
            text,
            paths: [self.paths, other.paths].concat(),
            local: self.local || other.local,
            secret: self.secret || other.secret,
            remote: self.remote || other.remote,
            socket: self.socket || other.socket,
            hidden: self.hidden || other.hidden,
            endless: self.endless || other.endless,
        }
    }
}
