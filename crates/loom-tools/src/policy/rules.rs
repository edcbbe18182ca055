//! The rules as data: what each is called, what it leads to, and why; and which programs and
//! subcommands fall under which rule.
//!
//! What needs a look at operands (where a path leads, what is piped into what) is in the modules
//! beside this one; it names the rules from here. The sandbox is the boundary: these rules save the
//! user from surprises inside of it and from questions that need not be asked.

use super::Decision::{self, Ask, Deny};

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Stable name, recorded with the question.
    pub(super) name: &'static str,
    /// What it leads to.
    pub(super) decision: Decision,
    /// Why, as the end of a sentence that starts with what was matched.
    pub(super) why: &'static str,
    /// Whether what it matches is of no use without the network.
    pub(super) network: bool,
}

const fn rule(name: &'static str, decision: Decision, why: &'static str) -> Rule {
    Rule {
        name,
        decision,
        why,
        network: false,
    }
}

const fn online(name: &'static str, decision: Decision, why: &'static str) -> Rule {
    Rule {
        name,
        decision,
        why,
        network: true,
    }
}

// What cannot be judged.
pub(super) const UNREADABLE: Rule = rule("unreadable", Ask, "the line cannot be parsed as bash");
pub(super) const TOO_LARGE: Rule = rule("too_large", Ask, "it is too long or too deeply nested");
pub(super) const UNKNOWN_PROGRAM: Rule = rule(
    "unknown_program",
    Ask,
    "which program runs is only known when it runs",
);
pub(super) const UNKNOWN_CODE: Rule = rule(
    "unknown_code",
    Ask,
    "what is run is only known when it runs",
);
pub(super) const UNKNOWN_TARGET: Rule = rule(
    "unknown_target",
    Ask,
    "what is removed or changed is only known when it runs",
);
pub(super) const HIDDEN_TEXT: Rule = rule(
    "hidden_text",
    Deny,
    "it has invisible, misleading or control characters, so that nobody can review it",
);
pub(super) const HIDDEN_CODE: Rule = rule(
    "hidden_code",
    Deny,
    "it hides what is run behind an encoding",
);

// Damage.
pub(super) const OUTSIDE_CHANGE: Rule = rule(
    "outside_change",
    Deny,
    "it changes what is outside of the workspace",
);
pub(super) const DISK: Rule = rule("disk", Deny, "it works on disks or devices");
pub(super) const FORK_BOMB: Rule = rule("fork_bomb", Deny, "it starts processes without end");
pub(super) const KILL_ALL: Rule = rule(
    "kill_all",
    Deny,
    "it ends processes that are not the task's own",
);
pub(super) const KILL_BY_NAME: Rule = rule(
    "kill_by_name",
    Ask,
    "it ends processes by name, whoever started them",
);
pub(super) const POWER: Rule = rule("power", Deny, "it stops the machine or its services");
pub(super) const SERVICES: Rule = rule("services", Ask, "it controls services of the machine");
pub(super) const DELETE_MANY: Rule = rule(
    "delete_many",
    Ask,
    "it deletes many files of the workspace at once",
);
pub(super) const DELETE_HISTORY: Rule = rule(
    "delete_history",
    Ask,
    "it removes the history of the project",
);
pub(super) const EDIT_MANY: Rule = rule(
    "edit_many",
    Ask,
    "it rewrites many files of the workspace at once",
);
pub(super) const WIDE_MODE: Rule = rule(
    "wide_mode",
    Ask,
    "it opens permissions for everybody, or lets a program run as another user",
);
pub(super) const DATABASE: Rule =
    rule("database", Ask, "it removes or rewrites data in a database");

// Version control.
pub(super) const DISCARD: Rule = rule(
    "discard_work",
    Ask,
    "it throws away changes that are not committed",
);
pub(super) const REWRITE: Rule = rule("rewrite_history", Ask, "it rewrites or removes history");
pub(super) const GIT_CODE: Rule =
    rule("git_code", Deny, "it makes git run a program, now or later");
pub(super) const GIT_GLOBAL: Rule = rule(
    "git_global",
    Deny,
    "it changes git's settings for everything the user does",
);
pub(super) const GIT_INTERNALS: Rule = rule(
    "git_internals",
    Deny,
    "git's own files run code outside of the sandbox",
);

// The network.
pub(super) const NETWORK: Rule = online("network", Ask, "it needs the network");
pub(super) const INSTALL: Rule = online(
    "install",
    Ask,
    "it downloads software, which may run code of its own",
);
pub(super) const SYSTEM_PACKAGES: Rule = online(
    "system_packages",
    Ask,
    "it changes the packages of the machine",
);
pub(super) const PUBLISH: Rule = online("publish", Ask, "it publishes or sends something");
pub(super) const REMOTE_STATE: Rule = online(
    "remote_state",
    Ask,
    "it works on systems outside of this machine",
);
pub(super) const REMOTE_CODE: Rule = online(
    "remote_code",
    Ask,
    "it runs a program that was just downloaded",
);
pub(super) const UPLOAD: Rule = online("upload", Ask, "it sends files of the workspace away");
pub(super) const EXFILTRATE: Rule = rule(
    "exfiltrate",
    Deny,
    "it sends what it read here to somewhere else",
);
pub(super) const REMOTE_SHELL: Rule = rule(
    "remote_shell",
    Deny,
    "it gives a shell to somebody on the network",
);
pub(super) const METADATA: Rule = rule(
    "metadata",
    Deny,
    "the address hands out credentials of the machine",
);
pub(super) const SERVER: Rule = rule("server", Ask, "it serves files to the network");

// Secrets.
pub(super) const SECRET: Rule = rule("secret_file", Ask, "the file usually holds secrets");
pub(super) const SECRET_OUTSIDE: Rule =
    rule("secret_outside", Deny, "the file holds secrets of the user");
pub(super) const CREDENTIALS: Rule = rule(
    "credentials",
    Deny,
    "it shows stored passwords, keys or tokens",
);
pub(super) const HISTORY: Rule = rule(
    "shell_history",
    Deny,
    "what the user typed may hold secrets",
);
pub(super) const HOME_SWEEP: Rule =
    rule("home_sweep", Deny, "it reads everything that the user has");
pub(super) const OUTSIDE_READ: Rule = rule(
    "outside_read",
    Ask,
    "it reads a file of the user outside of the workspace",
);
pub(super) const ENVIRONMENT: Rule = rule(
    "environment",
    Ask,
    "it shows the environment, in which secrets are often kept",
);

// Ways out.
pub(super) const PRIVILEGE: Rule = rule(
    "privilege",
    Deny,
    "it takes the rights of another user, and nobody can enter a password",
);
pub(super) const NAMESPACE: Rule =
    rule("namespace", Deny, "it changes what the sandbox is made of");
pub(super) const CONTAINER: Rule = rule(
    "container",
    Ask,
    "who controls containers controls the machine",
);
pub(super) const CONTAINER_HOST: Rule = rule(
    "container_host",
    Deny,
    "it reaches the machine through a container",
);
pub(super) const TRACE: Rule = rule("trace", Deny, "it takes control of another process");
pub(super) const PERSIST: Rule = rule(
    "persist",
    Deny,
    "it arranges for something to run later, outside of the sandbox",
);
pub(super) const OUTLIVES: Rule = rule(
    "outlives",
    Ask,
    "it leaves a process running after the command",
);
pub(super) const LINK_OUT: Rule = rule("link_out", Deny, "the link leads out of the workspace");
pub(super) const SHADOW: Rule = rule(
    "shadowed_programs",
    Deny,
    "programs would be taken from a directory that a task can write",
);
pub(super) const INJECTED_CODE: Rule = rule(
    "injected_code",
    Deny,
    "the setting makes other programs run code",
);
pub(super) const RUN_LATER: Rule = rule(
    "runs_elsewhere",
    Ask,
    "editors, shells or agents run what stands there",
);
pub(super) const PLANTED: Rule = rule(
    "planted",
    Deny,
    "it hides in a file what would not be allowed here",
);
pub(super) const LOOM: Rule = rule(
    "loom",
    Deny,
    "a task must not reach Loom's own controls or data",
);

/// Programs that fall under a rule whatever they are given (asking for help or a version excepted).
pub(super) const PROGRAMS: &[(Rule, &str)] = &[
    (
        PRIVILEGE,
        "sudo doas su pkexec runuser sudoedit visudo passwd chpasswd useradd usermod userdel adduser deluser groupadd gpasswd newgrp sg chsh chfn setcap",
    ),
    (
        NAMESPACE,
        "nsenter unshare chroot pivot_root switch_root mount umount fusermount fusermount3 losetup insmod modprobe rmmod kexec bpftool iptables ip6tables nft ufw firewall-cmd setenforce aa-disable aa-teardown capsh bwrap firejail setpriv machinectl systemd-nspawn lxc lxd incus runc crun ctr nerdctl",
    ),
    (
        DISK,
        "mkfs mke2fs mkswap swapon swapoff wipefs fdisk sfdisk cfdisk gdisk sgdisk parted partprobe blkdiscard hdparm sdparm nvme cryptsetup lvremove vgremove pvremove mdadm badblocks zpool zfs btrfs diskutil fstrim debugfs resize2fs tune2fs fsck",
    ),
    (POWER, "shutdown reboot halt poweroff init telinit"),
    (
        PERSIST,
        "at batch systemd-run launchctl loginctl update-rc.d chkconfig atrm anacron incrontab pm2 osascript dbus-send gdbus busctl xdotool ydotool",
    ),
    (TRACE, "reptyr gcore pyrasite py-spy frida dtrace bpftrace"),
    (HISTORY, "history fc"),
    (
        CREDENTIALS,
        "security secret-tool kwallet-query pass gopass op bw lpass keyctl ssh-add ssh-agent aws-vault vault chamber",
    ),
    (LOOM, "loom loomd loom-tui loom-mcp"),
    (
        SYSTEM_PACKAGES,
        "apt apt-get aptitude dpkg dnf yum rpm microdnf pacman yay paru apk brew port snap flatpak zypper emerge xbps-install nix-env nix-channel pkg pkg_add choco winget scoop softwareupdate",
    ),
    (
        REMOTE_STATE,
        "aws gcloud gsutil bq az kubectl oc helm heroku fly flyctl vercel netlify firebase wrangler doctl linode-cli ibmcloud oci s3cmd rclone mc eksctl ansible ansible-playbook vagrant packer pulumi cdk serverless sls sam amplify railway gh glab hub cf nomad consul",
    ),
    (
        NETWORK,
        "curl wget aria2c axel http https httpie xh lynx links w3m elinks ftp lftp tftp sftp scp rsync ssh mosh sshpass autossh telnet nc ncat netcat socat ping ping6 traceroute tracepath mtr dig nslookup host whois nmap masscan arp-scan tcpdump tshark openvpn wg wg-quick tailscale cloudflared ngrok lt youtube-dl yt-dlp git-lfs nmcli iwctl croc magic-wormhole wormhole rsh rlogin rcp websocat wscat grpcurl ssh-copy-id ssh-keyscan bore frpc chisel transmission-cli ipfs",
    ),
    (
        PUBLISH,
        "mail mailx sendmail mutt msmtp swaks twine transfer",
    ),
    (
        CONTAINER,
        "docker podman docker-compose podman-compose buildah skopeo minikube kind k3s k3d colima lima limactl virsh virt-install qemu-system-x86_64 VBoxManage multipass",
    ),
    (DATABASE, "dropdb dropuser pg_restore mongorestore"),
    (ENVIRONMENT, "printenv"),
    (
        OUTLIVES,
        "setsid nohup daemonize disown screen tmux dtach start-stop-daemon zellij byobu",
    ),
    (
        SERVICES,
        "systemctl service rc-service initctl supervisorctl sysctl hostnamectl timedatectl date-set hwclock localectl crontab-edit",
    ),
    (KILL_BY_NAME, "pkill killall skill xkill"),
    (
        INSTALL,
        "npx bunx uvx pipx rustup nvm fnm volta asdf mise pyenv-install sdkman sdk ghcup corepack easy_install conda mamba micromamba",
    ),
];

/// Subcommands that fall under a rule.
///
/// A pattern is a program and what follows it: plain words are its first operands in this order
/// (`a|b`: either; `*`: anything; a word may end in `*`), words with a dash are options that must
/// be there, in any place.
pub(super) const COMMANDS: &[(Rule, &str)] = &[
    // Version control.
    (PUBLISH, "git push"),
    (PUBLISH, "git send-email|request-pull"),
    (PUBLISH, "git svn dcommit"),
    (PUBLISH, "hg|svn push|commit|ci"),
    (NETWORK, "git fetch|pull|clone|ls-remote|archive --remote"),
    (NETWORK, "git fetch|pull|clone|ls-remote"),
    (NETWORK, "git submodule update|add"),
    (NETWORK, "git remote update|prune"),
    (NETWORK, "git lfs *"),
    (NETWORK, "hg|svn clone|pull|checkout|co|update|up|export"),
    (DISCARD, "git reset --hard|--merge|--keep"),
    (DISCARD, "git clean -f|--force"),
    (DISCARD, "git checkout -f|--force"),
    (DISCARD, "git switch -f|--force|--discard-changes"),
    (DISCARD, "git stash drop|clear"),
    (DISCARD, "git worktree remove|prune"),
    (DISCARD, "git checkout-index -f"),
    (DISCARD, "git read-tree --reset"),
    (REWRITE, "git branch -D|-d|--delete"),
    (REWRITE, "git branch -f|--force"),
    (REWRITE, "git branch -M"),
    (REWRITE, "git tag -d|--delete|-f|--force"),
    (
        REWRITE,
        "git rebase|filter-branch|filter-repo|replace|update-ref|prune|symbolic-ref",
    ),
    (REWRITE, "git commit --amend"),
    (REWRITE, "git reflog expire|delete"),
    (REWRITE, "git gc --prune*|--aggressive"),
    (REWRITE, "git notes remove|prune"),
    (REWRITE, "git remote remove|rm|set-url"),
    // Packages.
    (
        INSTALL,
        "npm|pnpm|yarn|bun install|i|in|ci|add|update|up|upgrade|link|ln|exec|dlx|create|init|x|rebuild|audit|uninstall|remove|rm|un|global|import|dedupe",
    ),
    (INSTALL, "pip|pip3|pip3.* install|download|wheel|uninstall"),
    (INSTALL, "uv add|sync|tool|lock|remove|python|self"),
    (INSTALL, "uv pip install|sync|uninstall"),
    (
        INSTALL,
        "poetry|pdm|hatch|pipenv|rye add|install|update|sync|lock|remove|self|upgrade|env",
    ),
    (
        INSTALL,
        "cargo install|add|update|fetch|search|uninstall|binstall|vendor|generate-lockfile|info",
    ),
    (INSTALL, "go install|get"),
    (INSTALL, "go mod download|tidy|vendor"),
    (INSTALL, "gem install|update|uninstall|fetch"),
    (INSTALL, "bundle install|update|add"),
    (
        INSTALL,
        "composer install|require|update|create-project|global|remove",
    ),
    (INSTALL, "dotnet add|restore|tool|workload|nuget"),
    (
        INSTALL,
        "nuget|vcpkg|conan|luarocks|cabal|stack|opam|mix|cpan|cpanm|raco|nimble|shards|julia install|update|add|get|restore|setup",
    ),
    (INSTALL, "mix deps.get|local.hex|archive.install"),
    (INSTALL, "terraform|tofu init|get"),
    (INSTALL, "deno install|add|upgrade"),
    (INSTALL, "nix develop|shell|run|build|profile|flake"),
    (INSTALL, "pre-commit install|autoupdate"),
    (INSTALL, "code --install-extension"),
    (INSTALL, "playwright|puppeteer|cypress install"),
    // Publishing.
    (
        PUBLISH,
        "npm|pnpm|yarn|bun publish|unpublish|deprecate|dist-tag|adduser|login|owner|token|access|npm",
    ),
    (PUBLISH, "cargo publish|yank|login|owner|release"),
    (PUBLISH, "gem push|yank|owner|signin"),
    (
        PUBLISH,
        "poetry|uv|pdm|hatch|flit|mix|dart|flutter publish|hex.publish",
    ),
    (PUBLISH, "python|python3 setup.py upload|register|install"),
    (
        PUBLISH,
        "lerna|changeset|semantic-release|release-it|np|goreleaser|release-plz|standard-version publish|release|version",
    ),
    (PUBLISH, "semantic-release|release-it|np|goreleaser"),
    (PUBLISH, "dotnet nuget push|delete"),
    (
        PUBLISH,
        "mvn|mvnw|gradle|gradlew deploy|publish|release:*|uploadArchives|site-deploy|publishToMavenLocal",
    ),
    (PUBLISH, "vsce|ovsx|web-ext publish|sign"),
    (
        PUBLISH,
        "npm|pnpm|yarn|bun run|run-script deploy*|publish*|release*|prod*",
    ),
    (
        PUBLISH,
        "make|gmake|just|task|rake|invoke|nox|tox|fab|cap deploy*|publish*|release|upload*|push*|prod*",
    ),
    (PUBLISH, "yarn|pnpm deploy|release"),
    (
        SYSTEM_PACKAGES,
        "make|gmake|ninja|cmake install|uninstall|install-*",
    ),
    (SYSTEM_PACKAGES, "cmake --install"),
    (SYSTEM_PACKAGES, "meson install"),
    // Infrastructure.
    (
        REMOTE_STATE,
        "terraform|tofu|terragrunt destroy|apply|import|taint|untaint|state|force-unlock|workspace|login|refresh",
    ),
    (REMOTE_STATE, "terragrunt run-all"),
    // Data.
    (DATABASE, "mysqladmin drop|flush*|shutdown"),
    (
        DATABASE,
        "redis-cli|valkey-cli flushall|flushdb|del|unlink|shutdown|config|eval|FLUSHALL|FLUSHDB|DEL|UNLINK|SHUTDOWN|CONFIG|EVAL",
    ),
    (
        DATABASE,
        "python|python3|* manage.py flush|reset_db|sqlflush|migrate|zero",
    ),
    (DATABASE, "manage.py flush|reset_db|migrate"),
    (
        DATABASE,
        "rails|rake|bin/rails db:drop*|db:reset*|db:purge*|db:truncate*|db:schema:load*|db:migrate:reset|db:rollback*",
    ),
    (
        DATABASE,
        "artisan|php migrate:fresh|migrate:reset|db:wipe|migrate:refresh",
    ),
    (
        DATABASE,
        "php artisan migrate:fresh|migrate:reset|db:wipe|migrate:refresh",
    ),
    (DATABASE, "prisma migrate reset"),
    (DATABASE, "prisma db push"),
    (DATABASE, "alembic downgrade"),
    (DATABASE, "sqlx database drop|reset"),
    (DATABASE, "diesel database reset|drop"),
    (DATABASE, "diesel migration redo|revert"),
    (DATABASE, "sequelize db:drop|db:migrate:undo*"),
    (DATABASE, "knex migrate:rollback|seed:run"),
    (
        DATABASE,
        "flyway|liquibase clean|drop-all|dropAll|rollback*",
    ),
    (DATABASE, "mongosh|mongo --eval"),
    // The machine.
    (
        POWER,
        "systemctl poweroff|reboot|halt|suspend|hibernate|kexec|rescue|emergency|isolate|exit",
    ),
    (
        PERSIST,
        "systemctl enable|link|edit|set-default|preset|reenable|mask|disable|daemon-reload|import-environment|set-environment",
    ),
    (
        CREDENTIALS,
        "gpg|gpg2 --export-secret-keys|--export-secret-subkeys|--export-ownertrust",
    ),
    (CREDENTIALS, "gh|glab auth token|status"),
    (CREDENTIALS, "git credential fill|approve"),
    (CREDENTIALS, "git credential-* get|store"),
    (CREDENTIALS, "gcloud auth print-*|application-default"),
    (CREDENTIALS, "aws configure get|export-credentials|list"),
    (CREDENTIALS, "aws sts get-session-token|assume-role"),
    (CREDENTIALS, "kubectl get secret|secrets|secret/*"),
    (CREDENTIALS, "kubectl config view"),
    (CREDENTIALS, "az account get-access-token"),
    (CREDENTIALS, "docker|podman login"),
    (CREDENTIALS, "npm config get|list|ls --json"),
    (CREDENTIALS, "pip config list|get|debug"),
    (CREDENTIALS, "heroku config"),
    (SERVER, "python|python3 -m http.server"),
    (OUTLIVES, "npm|pnpm|yarn|bun start|dev --daemon"),
    (
        OUTLIVES,
        "gunicorn|uwsgi|nginx|redis-server|memcached|mongod|celery --daemon|-D|--daemonize|--detach|--fork",
    ),
];

/// Of the programs above, what only looks and never leaves the machine.
pub(super) const HARMLESS: &[&str] = &[
    "docker|podman ps|images|version|info|inspect|logs|top|stats|port|diff|history",
    "docker|podman compose ps|logs|config|ls|images|version",
    "docker-compose ps|logs|config|version",
    "kubectl|helm version|completion|explain|api-resources|lint|template|kustomize",
    "npm|pnpm|yarn|bun ls|list|why",
    "npm|pnpm|yarn audit --offline",
    "npx|bunx --no-install|--no",
    "npx|bunx|uvx tsc|eslint|prettier|jest|vitest|mocha|ava|tap|nyc|c8|webpack|vite|rollup|esbuild|tsx|ts-node|babel|stylelint|biome|svelte-check|vue-tsc|knip|madge|tsup|swc|turbo|nx|lerna|playwright|cypress|karma|next|astro|ruff|black|mypy|pytest|flake8|isort|pyright",
    "pip|pip3 list|show|freeze|check",
    "pipx|conda|mamba|asdf|mise list|show|which|run|info",
    "rustup show|which|run|doc|target|toolchain list",
    "dpkg -l|-L|-s|-S|--list|--listfiles|--status|--search",
    "dpkg-query",
    "rpm -q|-qa|-ql|-qi|--query",
    "apt list|show|search|policy",
    "apt-cache *",
    "brew list|info|config|doctor|--prefix|--version|deps|shellenv",
    "pacman -Q|-Qi|-Ql|-Qs",
    "apk info|list",
    "systemctl status|is-active|is-enabled|list-units|list-unit-files|show|cat|--version",
    "service * status",
    "sysctl -a|-n",
    "sysctl *.*",
    "timedatectl|hostnamectl|localectl status|show",
    "tmux|screen ls|list-sessions|-ls|-V",
    "git lfs ls-files|status|env|version",
    "terraform|tofu workspace show|list",
    "terraform|tofu state list|show",
    "uv pip list|show|freeze|check|tree",
    "uv python list|find|dir",
    "poetry|pdm|hatch|pipenv|rye env info|list|show",
    "nix flake show|metadata|check --offline",
    "conda env list",
    "zfs|zpool list|status|get",
    "btrfs filesystem usage|df|show",
    "fdisk|sfdisk -l|--list",
    "fsck --version|-N",
    "init --version",
    "gh --version|help",
    "vault|pass|op version",
    "pulumi|cdk|packer|vagrant version|validate|fmt|synth|diff",
    "sam|serverless validate|package",
];

/// Programs whose operands are only text.
pub(super) const TEXT_ONLY: &str = "echo printf : true false man info whatis apropos which type whereis help hash tldr basename dirname seq expr let sleep wait jobs test [ [[ return exit break continue shift set unset ulimit umask getopts bc factor figlet cowsay banner logger yes tput stty tty uname whoami id hostname date cal uptime arch nproc pgrep ps";

/// Programs that run another program, and how to find it: options that take a value, then how many
/// operands come before it.
pub(super) const WRAPPERS: &[(&str, &str, usize)] = &[
    ("nice", "-n --adjustment", 0),
    ("timeout", "-s -k --signal --kill-after", 1),
    ("gtimeout", "-s -k --signal --kill-after", 1),
    ("time", "-f -o --format --output", 0),
    ("gtime", "-f -o --format --output", 0),
    ("env", "-u -C --unset --chdir", 0),
    (
        "sudo",
        "-u -g -p -C -h -r -t -T -U --user --group --host --prompt",
        0,
    ),
    ("doas", "-u -C", 0),
    ("command", "", 0),
    ("builtin", "", 0),
    ("exec", "-a", 0),
    ("busybox", "", 0),
    ("toybox", "", 0),
    ("nohup", "", 0),
    ("setsid", "", 0),
    ("stdbuf", "-i -o -e --input --output --error", 0),
    ("ionice", "-c -n -p --class --classdata", 0),
    ("chrt", "-p -T -P -D", 1),
    ("taskset", "-p", 1),
    ("numactl", "-C -m -N", 0),
    ("setarch", "", 1),
    ("unbuffer", "", 0),
    ("caffeinate", "-t -w", 0),
    ("chronic", "", 0),
    ("rlwrap", "-H -f", 0),
    ("watch", "-n --interval", 0),
    ("strace", "-e -o -s -p -P -u", 0),
    ("ltrace", "-e -o -s -p", 0),
    ("valgrind", "", 0),
    ("perf", "-e -o", 1),
    (
        "hyperfine",
        "-w -r -m -M -n -p -c -s --warmup --runs --prepare --cleanup",
        0,
    ),
    ("flock", "-w -E --timeout", 1),
    ("xvfb-run", "-s -n -e", 0),
    ("dbus-run-session", "", 0),
    ("faketime", "", 1),
    ("proxychains", "-f", 0),
    ("torsocks", "", 0),
    ("unshare", "-S -G --map-user", 0),
    ("chroot", "", 1),
    ("nsenter", "-t --target -S -G", 0),
    ("su", "-s -g -G", 1),
    ("runuser", "-u -g", 0),
    ("coproc", "", 0),
    ("dotenv", "-e -f", 0),
    ("entr", "", 0),
    ("systemd-run", "-p --unit --property --uid", 0),
    ("setpriv", "", 0),
    ("catchsegv", "", 0),
    ("eatmydata", "", 0),
    ("sem", "-j", 0),
    ("ts", "", 0),
    ("script", "-c -O -T", 1),
];

/// Program and subcommand that run what follows.
pub(super) const RUNNERS: &[(&str, &str)] = &[
    ("uv", "run"),
    ("poetry", "run"),
    ("pipenv", "run"),
    ("pdm", "run"),
    ("rye", "run"),
    ("hatch", "run"),
    ("bundle", "exec"),
    ("opam", "exec"),
    ("mise", "exec"),
    ("npm", "exec"),
    ("pnpm", "exec"),
    ("yarn", "exec"),
    ("rustup", "run"),
    ("conda", "run"),
    ("direnv", "exec"),
    ("git", "bisect"),
    ("dotnet", "exec"),
];

/// Options whose value is a command, whatever the program.
pub(super) const COMMAND_OPTIONS: &[&str] = &[
    "--compress-program",
    "--use-compress-program",
    "--to-command",
    "--checkpoint-action",
    "--info-script",
    "--new-volume-script",
    "--rsh",
    "--rsh-command",
    "--pre",
    "--pager",
    "--filter",
    "--extcmd",
    "--exec",
    "--upload-pack",
    "--receive-pack",
    "--unzip-command",
    "--post-command",
    "--on-download-complete",
    "--preprocessor",
    "--eval-cmd",
    "--ssh",
];

/// Directories that hold the work itself.
pub(super) const SOURCES: &str = "src lib libs app apps source sources tests test spec specs docs doc crates packages pkg cmd internal include scripts .github migrations prompts config assets public static templates components pages modules data";

/// Variables that make other programs run code.
pub(super) const CODE_VARIABLES: &str = "GIT_SSH_COMMAND GIT_SSH GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_ASKPASS SSH_ASKPASS SUDO_ASKPASS GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT GIT_TEMPLATE_DIR GIT_EXEC_PATH LD_PRELOAD LD_AUDIT DYLD_INSERT_LIBRARIES DYLD_LIBRARY_PATH BASH_ENV PROMPT_COMMAND PERL5OPT PERL5DB PERL5LIB RUBYOPT PYTHONSTARTUP PYTHONINSPECT PYTHONHOME JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTC CC_WRAPPER LESSOPEN LESSCLOSE MANPAGER BROWSER PS4 SHELLOPTS BASHOPTS CDPATH DOCKER_HOST CARGO_BUILD_RUSTC_WRAPPER npm_config_script_shell NODE_PATH_PRELOAD MAKEFILES";

/// Variables that name a program to be started for a person; harmless values are usual.
pub(super) const PROGRAM_VARIABLES: &str =
    "GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER EDITOR VISUAL PAGER SHELL TAR_OPTIONS";

/// What such a variable or setting may name: nothing happens then.
pub(super) const HARMLESS_PROGRAMS: &str = "cat true false : less more bat delta vim vi nano emacs sh bash zsh /bin/sh /bin/bash /bin/true /bin/cat never auto";

/// Parts of git's settings that name a program.
pub(super) const GIT_CODE_KEYS: &[&str] = &[
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_starts_with_a_program_and_no_program_is_listed_twice() {
        let patterns = COMMANDS.iter().map(|(_, pattern)| *pattern);
        for pattern in patterns.chain(HARMLESS.iter().copied()) {
            assert!(
                !pattern.starts_with('-') && !pattern.is_empty(),
                "{pattern}"
            );
        }
        let mut names: Vec<&str> = PROGRAMS
            .iter()
            .flat_map(|(_, names)| names.split(' '))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
