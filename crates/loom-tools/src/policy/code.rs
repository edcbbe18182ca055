//! Code of other languages on a command line, looked at from afar: what it runs, removes, sends.
//!
//! This is no parser of these languages. Calls are found outside of strings, and strings are then
//! looked at as what the call would take them for.

use super::feed::Feed;
use super::place::Place;
use super::rules;
use super::walk::Walk;
use super::{Decision, decode};
use crate::secrets::is_secret;

/// Calls that run a program.
const RUNS: &[&str] = &[
    "os.system",
    "os.popen",
    "subprocess",
    "commands.getoutput",
    "pty.spawn",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "child_process",
    "execsync",
    "spawnsync",
    "exec(",
    "exec ",
    "spawn(",
    "execfile(",
    "system(",
    "system ",
    "popen(",
    "shell_exec",
    "passthru",
    "proc_open",
    "open3",
    "kernel.",
    "qx",
    "deno.command",
    "deno.run",
    "bun.spawn",
    "%x",
    "io.popen",
    "os.execute",
    "run(",
    "check_output(",
];

/// Calls that remove something.
const REMOVES: &[&str] = &[
    "rmtree",
    "os.remove",
    "os.unlink",
    ".unlink(",
    "unlink(",
    "unlink ",
    "rmdir",
    "rmsync",
    "fs.rm",
    "unlinksync",
    "rimraf",
    "fileutils.rm",
    "rm_rf",
    "rm_r",
    "file.delete",
    "dir.delete",
    "removedirs",
    "remove_dir_all",
    "remove_tree",
    "rmtree(",
    "deno.remove",
    "delete-directory",
    "delete-file",
    ".rm(",
    ".rmdir(",
];

/// Calls that write.
const WRITES: &[&str] = &[
    "write_text",
    "write_bytes",
    "writefile",
    "appendfile",
    "createwritestream",
    "file.write",
    "file_put_contents",
    "os.rename",
    "shutil.move",
    "shutil.copy",
    "chmod",
    "chown",
    "os.symlink",
    "truncate",
    "renamesync",
    "copyfile",
    "symlinksync",
    "os.link",
    "makedirs",
    "mkdirsync",
];

/// Calls that reach the network.
const SENDS: &[&str] = &[
    "urllib",
    "urlopen",
    "requests.",
    "httpx",
    "aiohttp",
    "socket",
    "http.client",
    "http.get",
    "https.get",
    "http.request",
    "https.request",
    "fetch(",
    "net.connect",
    "net.socket",
    "net.createconnection",
    "require(net",
    "axios",
    "lwp::",
    "net::http",
    "io::socket",
    "tcpsocket",
    "ftplib",
    "smtplib",
    "paramiko",
    "open-uri",
    "uri.open",
    "fsockopen",
    "curl_",
    "xmlhttprequest",
    "websocket",
    "dns.",
    "telnetlib",
    "http::tiny",
    "mojo::",
    "gethostbyname",
    "getaddrinfo",
    "luasocket",
    "net/http",
];

/// Calls that read a file or the surroundings.
const READS: &[&str] = &[
    "open(",
    "read_text",
    "read_bytes",
    "readfile",
    "file.read",
    "file_get_contents",
    "environ",
    "process.env",
    "getenv",
    "io.read",
    "slurp",
    "glob",
    "listdir",
    "os.walk",
    "%env",
    "env[",
    "env.to",
];

/// Calls that run text.
const EVALUATES: &[&str] = &[
    "exec(",
    "eval(",
    "compile(",
    "function(",
    "eval ",
    "instance_eval",
    "loadstring",
    "__import__",
    "getattr(",
    "globals(",
];

/// Calls that make text out of other text.
const DECODES: &[&str] = &[
    "b64decode",
    "base64",
    "fromhex",
    "unhexlify",
    "atob",
    "buffer.from",
    "decode(",
    "chr(",
    "rot13",
    "pack(",
    "zlib",
    "codecs",
    "fromcharcode",
    "marshal",
];

/// The user's home directory, as a call.
const HOMES: &[&str] = &[
    "expanduser",
    "path.home",
    "homedir(",
    "dir.home",
    "env['home']",
    "environ",
    "env.home",
    "gethomedir",
];

impl Walk<'_> {
    /// Judges code of another language.
    pub(super) fn code(&mut self, code: &str, shown: &str) {
        if !self.budget.parse(code.len()) {
            return self.too_large(shown);
        }
        let bare = bare(code).to_lowercase();
        let has = |calls: &[&str]| calls.iter().any(|call| bare.contains(call));
        let literals: Vec<String> = literals(code).iter().map(|text| at_home(text)).collect();
        let (runs, sends, removes) = (
            has(RUNS) || backticks(code, &bare),
            has(SENDS),
            has(REMOVES),
        );
        if has(EVALUATES) && has(DECODES) {
            self.decoded_code(&literals, shown);
        }
        if has(EVALUATES) && !literals.is_empty() {
            // What is evaluated is code or a line that is built from these strings.
            self.run_literals(&literals, false, shown);
            for literal in literals.iter().filter(|text| text.contains(['(', ' '])) {
                self.nested_code(literal, shown);
            }
        }
        if runs {
            self.run_literals(&literals, has(HOMES), shown);
        }
        if removes {
            self.removed_literals(&literals, has(HOMES), shown);
        }
        let opens_to_write =
            bare.contains("open(") && literals.iter().any(|text| is_write_mode(text));
        if has(WRITES) || opens_to_write {
            for path in literals.iter().filter(|text| is_path(text)) {
                self.writes(path, shown);
            }
        }
        self.secrets_in_code(&literals, &bare, sends, shown);
        if sends {
            let shell = runs || bare.contains("dup2");
            let local = bare.replace("urlopen(", "");
            let reads = READS.iter().any(|call| local.contains(call));
            let rule = match (shell && bare.contains("socket"), reads) {
                (true, _) => rules::REMOTE_SHELL,
                (false, true) => rules::EXFILTRATE,
                (false, false) if has(EVALUATES) => rules::REMOTE_CODE,
                (false, false) => rules::NETWORK,
            };
            self.matched(rule, shown);
            self.local_code(&bare, &literals, shown);
            for text in &literals {
                if ["169.254.169.254", "metadata.google", "docker.sock"]
                    .iter()
                    .any(|bad| text.contains(bad))
                {
                    self.matched(rules::METADATA, shown);
                }
            }
        }
        if is_fork_bomb(&bare) {
            self.matched(rules::FORK_BOMB, shown);
        }
        let kills =
            bare.contains("os.kill") || bare.contains("process.kill") || bare.contains("killpg");
        if kills
            && ["(1,", "(-1,", "getppid", "ppid"]
                .iter()
                .any(|who| bare.contains(who))
        {
            self.matched(rules::KILL_ALL, shown);
        }
        if bare.contains("setuid") || bare.contains("ptrace") || bare.contains("chroot") {
            self.matched(rules::PRIVILEGE, shown);
        }
    }

    fn nested_code(&mut self, code: &str, shown: &str) {
        match self.budget.enter() {
            true => self.code(code, shown),
            false => self.too_large(shown),
        }
        self.budget.leave();
    }

    fn run_literals(&mut self, literals: &[String], with_home: bool, shown: &str) {
        let lines: Vec<&String> = literals
            .iter()
            .filter(|text| !text.trim().is_empty())
            .collect();
        if lines.is_empty() {
            self.matched(rules::UNKNOWN_CODE, shown);
            return;
        }
        for line in &lines {
            self.script_quietly(line);
        }
        // `run(["rm", "-rf", x])`: the words of one command.
        if lines.len() > 1 || with_home {
            let mut words: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
            // Where it stands among the words is not known; as an operand it counts anywhere.
            words.extend(with_home.then_some("~"));
            self.script_quietly(&words.join(" "));
        }
    }

    /// Judges text that may or may not be a command line: what does not parse is not one.
    fn script_quietly(&mut self, line: &str) {
        let before = self.mark();
        self.in_subshell(|walk| walk.script(line, &Feed::default()));
        let doubtful = [
            rules::UNREADABLE,
            rules::UNKNOWN_PROGRAM,
            rules::UNKNOWN_TARGET,
        ];
        self.retain_since(before, |one| !doubtful.contains(&one.rule));
    }

    fn removed_literals(&mut self, literals: &[String], in_home: bool, shown: &str) {
        if in_home {
            self.matched(rules::OUTSIDE_CHANGE, shown);
        }
        if literals.is_empty() {
            self.matched(rules::UNKNOWN_TARGET, shown);
        }
        for path in literals.iter().filter(|text| !text.contains(' ')) {
            self.removes(path, true, shown);
        }
    }

    fn secrets_in_code(&mut self, literals: &[String], bare: &str, sends: bool, shown: &str) {
        let reads = READS.iter().any(|call| bare.contains(call));
        for path in literals
            .iter()
            .filter(|text| is_path(text) || is_secret(text))
        {
            let before = self.mark();
            if reads || sends {
                self.reads(path, false, shown);
            }
            if sends && self.mark() > before {
                self.matched(rules::EXFILTRATE, shown);
            }
        }
        let whole = [
            "print(os.environ)",
            "dict(os.environ)",
            "log(process.env)",
            "stringify(process.env)",
            "p env",
            "puts env",
            "environ.items",
            "%env",
        ];
        if whole.iter().any(|call| bare.contains(call)) {
            self.matched(rules::ENVIRONMENT, shown);
        }
    }

    /// Code that is hidden in an encoding is judged as what it is, where it can be read.
    fn decoded_code(&mut self, literals: &[String], shown: &str) {
        self.matched(rules::HIDDEN_CODE, shown);
        for text in literals {
            if let Some(code) = decode::base64(text).or_else(|| decode::hex(text)) {
                self.code(&code, shown);
            }
        }
    }

    /// Text that is written into a file that will run.
    pub(super) fn plants(&mut self, text: &str, extension: &str) {
        const SHELL: &[&str] = &["", "sh", "bash", "zsh", "mk", "envrc"];
        let mut inner = Walk::new(self.workspace, self.rules);
        inner.state.cwd = self.state.cwd.clone();
        // Together they cost no more than one.
        inner.budget = self.budget;
        let is_shell = SHELL.contains(&extension);
        if is_shell || text.contains("$(") || text.contains('`') {
            inner.line(text);
        }
        if !is_shell {
            inner.code(text, text);
        }
        inner.uncalled();
        self.budget = inner.budget;
        let bad = inner
            .finish()
            .matched
            .into_iter()
            .find(|one| one.rule.decision == Decision::Deny || one.rule == rules::SECRET);
        if let Some(bad) = bad {
            self.matched(rules::PLANTED, bad.what);
        }
    }
}

/// The strings in a piece of code.
pub(super) fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    scan(code, |literal| found.push(literal.to_owned()));
    found
}

/// The code without what is in its strings.
pub(super) fn bare(code: &str) -> String {
    scan(code, |_| {})
}

fn scan(code: &str, mut literal: impl FnMut(&str)) -> String {
    let mut bare = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if !matches!(c, '\'' | '"' | '`') {
            bare.push(c);
            continue;
        }
        let triple: String = std::iter::repeat_n(c, 3).collect();
        let fence = match rest.starts_with(&triple[1..]) && c != '`' {
            true => &triple[1..],
            false => &triple[..1],
        };
        if fence.len() == 2 {
            rest = &rest[2..];
        }
        let end_mark = if fence.len() == 2 {
            triple.as_str()
        } else {
            fence
        };
        let end = end_of(rest, end_mark);
        literal(&unescaped(&rest[..end]));
        bare.push(' ');
        rest = rest.get(end + end_mark.len()..).unwrap_or_default();
    }
    bare
}

fn end_of(text: &str, mark: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if text[at..].starts_with(mark) {
            return at;
        }
    }
    text.len()
}

fn unescaped(text: &str) -> String {
    match text.contains('\\') {
        true => decode::escapes(text),
        false => text.to_owned(),
    }
}

/// Backticks run a command in Perl, Ruby and PHP; in JavaScript they are strings.
fn backticks(code: &str, bare: &str) -> bool {
    let script = [
        "const ", "let ", "=>", "console.", "require(", "function", "import ",
    ];
    code.contains('`') && !script.iter().any(|word| bare.contains(word))
}

/// A string with the home directory as the shell writes it.
fn at_home(text: &str) -> String {
    const FORMS: &[&str] = &[
        "$ENV{HOME}",
        "$ENV{'HOME'}",
        "${process.env.HOME}",
        "#{Dir.home}",
        "#{ENV['HOME']}",
        "${HOME}",
        "$HOME",
    ];
    let mut text = text.to_owned();
    for form in FORMS {
        text = text.replace(form, "~");
    }
    text
}

fn is_path(text: &str) -> bool {
    !text.contains(['\n', ' '])
        && !text.contains("://")
        && (text.contains('/') || text.starts_with(['~', '.']))
        && text.len() > 1
        && !matches!(Place::of(text, &Place::root(), None), Place::Unknown)
}

fn is_write_mode(text: &str) -> bool {
    matches!(
        text,
        "w" | "a"
            | "x"
            | "wb"
            | "ab"
            | "xb"
            | "w+"
            | "a+"
            | "r+"
            | "rb+"
            | ">"
            | ">>"
            | "+<"
            | "wt"
            | "at"
    ) || text.starts_with('>')
}

fn is_fork_bomb(bare: &str) -> bool {
    let forks = bare.contains("fork(")
        || bare.contains("fork ")
        || bare.contains("fork;")
        || bare.contains(".fork");
    forks
        && ["while", "for(;;)", "for (;;)", "loop", "until"]
            .iter()
            .any(|word| bare.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_told_from_code() {
        let code = r#"import os; os.system('echo "a"'); x = """b
c""" + `d`"#;
        assert_eq!(literals(code), ["echo \"a\"", "b\nc", "d"]);
        assert_eq!(bare("f('x', \"y\")"), "f( ,  )");
        assert_eq!(literals("'open"), ["open"]);
        assert_eq!(literals("''"), [""]);
    }
}
