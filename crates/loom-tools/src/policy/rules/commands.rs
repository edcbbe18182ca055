//! Subcommands that fall under a rule, and those that only look.

use super::catalogue::*;

/// Subcommands that fall under a rule.
///
/// A pattern is a program and what follows it: plain words are its first operands in this order
/// (`a|b`: either; `*`: anything; a word may end in `*`), words with a dash are options that must
/// be there, in any place.
pub(crate) const COMMANDS: &[(Rule, &str)] = &[
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
    (REWRITE, "git branch -D"),
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
        "systemctl stop|kill|poweroff|reboot|halt|suspend|hibernate|kexec|rescue|emergency|isolate|exit",
    ),
    (
        PERSIST,
        "systemctl enable|link|edit|set-default|preset|reenable|mask|disable|daemon-reload|import-environment|set-environment",
    ),
    (
        CREDENTIALS,
        "gpg|gpg2 --export-secret-keys|--export-secret-subkeys|--export-ownertrust",
    ),
    (
        NAMESPACE,
        "ip link|addr|address|a|route|rule|netns|tuntap|neigh set|add|del|delete|flush|change|replace|append",
    ),
    (NAMESPACE, "ifconfig * up|down|add|del"),
    (NAMESPACE, "route add|del|delete|flush|change"),
    (OUTSIDE_CHANGE, "journalctl --vacuum*|--rotate|--flush"),
    (DISCARD, "git submodule deinit"),
    (KILL_BY_NAME, "fuser -k|--kill"),
    (DESKTOP, "xclip -o|-out"),
    (DESKTOP, "xsel -o|--output"),
    (
        TOOL_SETTINGS,
        "npm|pnpm|yarn|pip|pip3|poetry|gh|glab|conda|bundle config set|delete|edit|unset|--add|--set",
    ),
    (TOOL_SETTINGS, "npm|pnpm set *"),
    (TOOL_SETTINGS, "go env -w|-u"),
    (TOOL_SETTINGS, "composer config -g|--global"),
    (TOOL_SETTINGS, "gem sources -a|--add|-r|--remove|-c"),
    (
        TOOL_SETTINGS,
        "defaults|dconf write|delete|reset|load|import",
    ),
    (TOOL_SETTINGS, "gsettings set|reset"),
    (TOOL_SETTINGS, "xdg-mime|xdg-settings default|set"),
    (
        TOOL_SETTINGS,
        "update-alternatives|alternatives --set|--install|--config|--remove",
    ),
    (TOOL_SETTINGS, "rustup default|override"),
    (KERNEL, "sysctl -w|--write|-p|--load|--system"),
    (CREDENTIALS, "getent shadow|gshadow"),
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
    (RUN_LATER, "direnv allow|permit|edit"),
    (OUTLIVES, "npm|pnpm|yarn|bun start|dev --daemon"),
    (
        OUTLIVES,
        "gunicorn|uwsgi|nginx|redis-server|memcached|mongod|celery --daemon|-D|--daemonize|--detach|--fork",
    ),
];

/// Of the programs above, what only looks and never leaves the machine.
pub(crate) const HARMLESS: &[&str] = &[
    "docker|podman ps|images|version|info|inspect|logs|top|stats|port|diff|history",
    "docker|podman compose ps|logs|config|ls|images|version",
    "docker-compose ps|logs|config|version",
    "kubectl|helm version|completion|explain|api-resources|lint|template|kustomize",
    "npm|pnpm|yarn|bun ls|list|why",
    "npm|pnpm|yarn audit --offline",
    "cargo|npm|pnpm|yarn publish --dry-run",
    "cargo update|fetch|add|remove|info --offline",
    "npx|bunx --no-install|--no",
    "npx tsc|eslint|prettier|jest|vitest|mocha|ava|tap|nyc|c8|webpack|vite|rollup|esbuild|tsx|ts-node|babel|stylelint|biome|svelte-check|vue-tsc|knip|madge|tsup|swc|turbo|nx|lerna|playwright|cypress|karma|next|astro|ruff|black|mypy|pytest|flake8|isort|pyright",
    "pip|pip3 list|show|freeze|check",
    "pipx|conda|mamba|asdf|mise list|show|which|info",
    "conda|mamba run",
    "rustup show|which|doc",
    "rustup target|toolchain|component list",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_starts_with_a_program() {
        let patterns = COMMANDS.iter().map(|(_, pattern)| *pattern);
        for pattern in patterns.chain(HARMLESS.iter().copied()) {
            assert!(
                !pattern.starts_with('-') && !pattern.is_empty(),
                "{pattern}"
            );
        }
    }
}
