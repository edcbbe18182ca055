//! Where a path on a command line leads, as far as that can be said without looking.

/// Stands for text that is only known when the line runs.
pub(super) const UNKNOWN: char = '\u{fffc}';

/// Stands for the output of a command that is only known when the line runs.
pub(super) const OUTPUT: char = '\u{fffb}';

/// Begins a path that starts at the workspace, wherever the line is: what `$PWD` and the like become.
pub(super) const WORKSPACE: char = '\u{f8ff}';

/// Stands for a space that separates nothing.
pub(super) const INNER_SPACE: char = '\u{f8fe}';

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into the workspace; the rest is relative to it and has no `..`. Empty: the workspace itself.
    Workspace(String),
    /// Next to or above the workspace; the rest is below its parent.
    Parent(String),
    /// Into a home directory.
    Home(String),
    /// Anywhere else, absolute.
    System(String),
    /// Into a directory for temporary files, which the sandbox has for itself.
    Temporary,
    /// To a device that swallows or makes bytes, or to standard input and output.
    Stream,
    /// Nobody can say.
    Unknown,
}

impl Place {
    /// The workspace itself.
    pub(super) const fn root() -> Self {
        Self::Workspace(String::new())
    }

    /// Resolves a path against the directory where the line is. `workspace` is its absolute path,
    /// where that is known.
    pub(super) fn of(path: &str, cwd: &Self, workspace: Option<&str>) -> Self {
        if path.starts_with([UNKNOWN, OUTPUT]) {
            return Self::Unknown;
        }
        if let Some(rest) = path.strip_prefix(WORKSPACE) {
            return Self::below(Self::root(), rest);
        }
        if let Some(rest) = path.strip_prefix('~') {
            let rest = match rest.split_once('/') {
                Some((_, rest)) => rest,
                None => "",
            };
            return Self::below(Self::Home(String::new()), rest);
        }
        if path.starts_with('/') {
            return Self::absolute(path, workspace);
        }
        Self::below(cwd.clone(), path)
    }

    fn absolute(path: &str, workspace: Option<&str>) -> Self {
        let path = normal(path);
        if let Some(workspace) = workspace
            && let Some(rest) = path.strip_prefix(workspace)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return Self::Workspace(rest.trim_start_matches('/').to_owned());
        }
        let streams = [
            "/dev/null",
            "/dev/stdin",
            "/dev/stdout",
            "/dev/stderr",
            "/dev/tty",
            "/dev/zero",
            "/dev/urandom",
            "/dev/random",
            "/dev/full",
        ];
        if streams.contains(&path.as_str()) || path.starts_with("/dev/fd/") {
            return Self::Stream;
        }
        for dir in ["/tmp", "/var/tmp", "/dev/shm"] {
            if path == dir
                || path
                    .strip_prefix(dir)
                    .is_some_and(|rest| rest.starts_with('/'))
            {
                return Self::Temporary;
            }
        }
        for dir in ["/home/", "/Users/"] {
            if let Some(rest) = path.strip_prefix(dir) {
                let rest = rest.split_once('/').map_or("", |(_, rest)| rest);
                return Self::Home(rest.to_owned());
            }
        }
        if let Some(rest) = path.strip_prefix("/root")
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return Self::Home(rest.trim_start_matches('/').to_owned());
        }
        Self::System(path)
    }

    fn below(base: Self, rest: &str) -> Self {
        let (kind, start) = match &base {
            Self::Workspace(path) => (0, path.as_str()),
            Self::Parent(path) => (1, path.as_str()),
            Self::Home(path) => (2, path.as_str()),
            Self::System(path) => (3, path.as_str()),
            Self::Temporary | Self::Stream | Self::Unknown => return base,
        };
        let mut names: Vec<&str> = start.split('/').filter(|name| !name.is_empty()).collect();
        let mut kind = kind;
        for name in rest.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    // Above the workspace is its parent, above a home all of them.
                    if names.pop().is_none() {
                        kind = if kind == 0 || kind == 1 { 1 } else { 3 };
                    }
                }
                name => names.push(name),
            }
        }
        let path = names.join("/");
        match kind {
            0 => Self::Workspace(path),
            1 => Self::Parent(path),
            2 => Self::Home(path),
            _ => Self::System(format!("/{path}")),
        }
    }

    /// A path that leads there from anywhere.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Workspace(path) => format!("{WORKSPACE}/{path}"),
            Self::Parent(path) => format!("{WORKSPACE}/../{path}"),
            Self::Home(path) => format!("~/{path}"),
            Self::System(path) => path.clone(),
            Self::Temporary => "/tmp".to_owned(),
            Self::Stream | Self::Unknown => UNKNOWN.to_string(),
        }
    }

    /// Whether a change there is a change of somebody else's.
    pub(super) const fn is_outside(&self) -> bool {
        matches!(self, Self::Parent(_) | Self::Home(_) | Self::System(_))
    }

    /// Whether it is a whole home directory, or something that holds one.
    pub(super) fn holds_home(&self) -> bool {
        match self {
            Self::Home(path) => is_all(path),
            Self::System(path) => {
                matches!(path.trim_end_matches("/*"), "" | "/" | "/home" | "/Users")
            }
            Self::Parent(path) => is_all(path),
            Self::Workspace(_) | Self::Temporary | Self::Stream | Self::Unknown => false,
        }
    }
}

/// Whether a path is the directory itself, or everything in it.
pub(super) fn is_all(path: &str) -> bool {
    matches!(
        path,
        "" | "*" | ".*" | "**" | "**/*" | "{*,.*}" | ".[!.]*" | "?*"
    )
}

fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Place {
        Place::of(path, &Place::root(), Some("/srv/project"))
    }

    #[test]
    fn paths_are_placed() {
        let workspace = |path: &str| Place::Workspace(path.to_owned());
        assert_eq!(place("a/b"), workspace("a/b"));
        assert_eq!(place("./a/../b/"), workspace("b"));
        assert_eq!(place("/srv/project/src"), workspace("src"));
        assert_eq!(
            place("/srv/project2"),
            Place::System("/srv/project2".into())
        );
        assert_eq!(place(".."), Place::Parent(String::new()));
        assert_eq!(place("a/../../b"), Place::Parent("b".into()));
        assert_eq!(place("~/x"), Place::Home("x".into()));
        assert_eq!(place("/home/me/x"), Place::Home("x".into()));
        assert_eq!(place("/etc/../usr"), Place::System("/usr".into()));
        assert_eq!(place("/tmp/x"), Place::Temporary);
        assert_eq!(place("/dev/null"), Place::Stream);
        assert_eq!(place("\u{fffc}/x"), Place::Unknown);
        assert!(place("/home").holds_home() && place("~/*").holds_home());
        assert!(place("../*").holds_home() && !place("~/x").holds_home());
    }

    #[test]
    fn a_path_leads_back_from_anywhere() {
        for path in ["a/b", "../x", "~/y", "/etc", "/tmp", "."] {
            let there = place(path);
            assert_eq!(Place::of(&there.path(), &Place::Unknown, None), there);
        }
    }

    #[test]
    fn paths_are_relative_to_where_the_line_is() {
        let inside = Place::Workspace("sub".into());
        assert_eq!(Place::of("..", &inside, None), Place::root());
        assert_eq!(
            Place::of("../..", &inside, None),
            Place::Parent(String::new())
        );
        let outside = Place::System("/".into());
        assert_eq!(
            Place::of("home", &outside, None),
            Place::System("/home".into())
        );
    }
}
