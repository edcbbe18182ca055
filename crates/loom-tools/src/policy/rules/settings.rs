//! Settings, of the environment and of git, that make other programs run code.

/// Variables that make other programs run code.
pub(crate) const CODE_VARIABLES: &str = "GIT_SSH_COMMAND GIT_SSH GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_ASKPASS SSH_ASKPASS SUDO_ASKPASS GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT GIT_TEMPLATE_DIR GIT_EXEC_PATH LD_PRELOAD LD_AUDIT DYLD_INSERT_LIBRARIES DYLD_LIBRARY_PATH BASH_ENV PROMPT_COMMAND PERL5OPT PERL5DB PERL5LIB RUBYOPT PYTHONSTARTUP PYTHONINSPECT PYTHONHOME JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTC CC_WRAPPER LESSOPEN LESSCLOSE MANPAGER BROWSER PS4 SHELLOPTS BASHOPTS CDPATH DOCKER_HOST CARGO_BUILD_RUSTC_WRAPPER npm_config_script_shell NODE_PATH_PRELOAD MAKEFILES";

/// Variables that name a program to be started for a person; harmless values are usual.
pub(crate) const PROGRAM_VARIABLES: &str =
    "GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER EDITOR VISUAL PAGER SHELL TAR_OPTIONS";

/// What such a variable or setting may name: nothing happens then.
pub(crate) const HARMLESS_PROGRAMS: &str = "cat true false : less more bat delta vim vi nano emacs sh bash zsh /bin/sh /bin/bash /bin/true /bin/cat never auto";

/// Parts of git's settings that name a program.
pub(crate) const GIT_CODE_KEYS: &[&str] = &[
    "alias.",
    "core.askpass",
    "core.editor",
    "core.fsmonitor",
    "core.gitproxy",
    "core.hookspath",
    "core.pager",
    "core.sshcommand",
    "core.attributesfile",
    "credential.",
    "diff.external",
    "filter.",
    "gpg.",
    "include.path",
    "includeif.",
    "init.templatedir",
    "interactive.difffilter",
    "pager.",
    "protocol.ext",
    "remote.",
    "sequence.editor",
    "uploadpack.",
    "receive.",
    "url.",
    "http.proxy",
    "http.sslverify",
    "browser.",
    "difftool.",
    "mergetool.",
    "sendemail.",
    "submodule.",
    "trailer.",
    "man.",
    "web.browser",
    "instaweb.",
    "safe.directory",
];
