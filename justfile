# Loom's commands; `just` lists them.

_list:
    @just --list --unsorted

# Everything that CI runs.
verify: fmt lint docs deny semver test

# Formatting, as committed.
fmt:
    cargo fmt --all --check

# Clippy with warnings as errors.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# API documentation with warnings as errors.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Licences, bans and sources of dependencies.
deny:
    sh .ci/deny

# The interface of the library against the newest release, or the commit that is named.
semver *REV:
    bash .ci/semver {{REV}}

# All tests.
test:
    cargo test --workspace --locked

# The main job with a simulated model; `just demo --server URL` uses your own.
demo *ARGS:
    cargo run --quiet --locked -p loom-cli -- demo {{ARGS}}

# Measures beside the thing compared with; prints one JSON object a line.
bench:
    sh .ci/score bench

# Measures one promise: `just score sim 10000`, `just score commands [FILE]`.
score NAME *ARGS:
    sh .ci/score {{NAME}} {{ARGS}}

# A long run of the kernel's properties over random worlds, and of hostile text through the reader of answers.
fuzz SEEDS="100000":
    sh .ci/score sim {{SEEDS}}
    PROPTEST_CASES={{SEEDS}} cargo test --release --locked -p loom-dialect --test all hostile

# The pictures of the README, taken from a demo in a real terminal (tmux).
pictures:
    cargo build --locked -p loomd
    cargo test --locked -p loom-tui --test terminal pictures -- --ignored

# A release build of the command, if its library broke nothing that the newest release promised.
release: semver
    cargo build --release --locked -p loom-cli
