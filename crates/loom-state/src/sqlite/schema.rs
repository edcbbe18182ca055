//! Opening the database: its schema, its migrations, and the settings that its promises rest on.

use super::{DATABASE_FILE, Durability};
use crate::StorageError;
use crate::lock::make_private_dir;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every schema, oldest first. Only ever appended to: a released one is on somebody's disk.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("0001_initial.sql")),
    M::up(include_str!("0002_model_facts.sql")),
    M::up(include_str!("0003_collections.sql")),
    M::up(include_str!("0004_queue.sql")),
    M::up(include_str!("0005_claims.sql")),
    M::up(include_str!("0006_outbox.sql")),
    M::up(include_str!("0009_imports.sql")),
    M::up(include_str!("0010_lessons.sql")),
    M::up(include_str!("0011_memory.sql")),
    M::up(include_str!("0012_memory_counts.sql")),
    M::up(include_str!("0013_memory_vectors.sql")),
];

/// From this schema on memory is found by what code makes of it, beyond what SQL can.
const MEMORY_READ_AGAIN: usize = 9;

/// How long a connection waits for another one. Only a backup or a person with a shell can hold
/// the database that long; the journal's own connections never do.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Size to which the write-ahead log is cut back once a long reader that made it grow is gone.
const MAX_IDLE_WAL_BYTES: i64 = 64 * 1024 * 1024;

/// Pages that a reading connection keeps: those of a long task's memory, so that a search of it does not
/// read them anew each time. Taken only when they are read.
const READER_CACHE_KIB: i64 = 8 * 1024;

/// Prepared statements kept by a connection: more than there are different ones.
const STATEMENTS: usize = 64;

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or a file in it cannot be made.
    #[error("make {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database is from a newer Loom.
    #[error(
        "open {}: it has schema {found} and this Loom knows schemas up to {known}; \
         use the newer Loom, or set LOOM_HOME to another directory",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest schema of this build.
        known: usize,
    },
    /// There is no journal yet, and it was opened for reading only.
    #[error("open {}: there is no journal here yet; running a task makes one", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The database must be migrated, and it was opened for reading only.
    #[error(
        "open {}: it has schema {found} and this Loom reads schema {known}; \
         running or resuming a task migrates it",
        path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The schema of this build.
        known: usize,
    },
    /// The copy that is made before a migration failed, so nothing was migrated.
    #[error("copy {} to {} before migrating it", from.display(), to.display())]
    Backup {
        /// The database.
        from: PathBuf,
        /// The copy.
        to: PathBuf,
        /// Why.
        #[source]
        source: StorageError,
    },
    /// It is not a database, is damaged, or cannot be read or written.
    #[error("open {}", path.display())]
    Storage {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: StorageError,
    },
}

/// Opens the database of a directory for writing, making or migrating it where needed.
pub(super) fn open(dir: &Path, durability: Durability) -> Result<Connection, OpenError> {
    open_with(dir, durability, MIGRATIONS)
}

/// Opens the database of a directory for reading, as it is.
pub(super) fn open_existing(dir: &Path) -> Result<Connection, OpenError> {
    let path = dir.join(DATABASE_FILE);
    if !path.exists() {
        return Err(OpenError::Missing { path });
    }
    let opened = connect(&path).and_then(|conn| {
        configure_reader(&conn)?;
        version(&conn).map(|version| (conn, version))
    });
    let (conn, found) = opened.map_err(|error| OpenError::Storage {
        path: path.clone(),
        source: StorageError::new(error),
    })?;
    let known = MIGRATIONS.len();
    match found.cmp(&known) {
        // Whoever made the file was killed before it made the first table.
        _ if found == 0 => Err(OpenError::Missing { path }),
        Ordering::Equal => Ok(conn),
        Ordering::Less => Err(OpenError::Older { path, found, known }),
        Ordering::Greater => Err(OpenError::Newer { path, found, known }),
    }
}

fn open_with(
    dir: &Path,
    durability: Durability,
    migrations: &[M<'static>],
) -> Result<Connection, OpenError> {
    let path = dir.join(DATABASE_FILE);
    make_private_dir(dir).map_err(|source| OpenError::Io {
        path: dir.to_owned(),
        source,
    })?;
    make_private_file(&path).map_err(|source| OpenError::Io {
        path: path.clone(),
        source,
    })?;
    let failed = |cause: StorageError| OpenError::Storage {
        path: path.clone(),
        source: cause,
    };
    let mut conn = connect(&path).map_err(|e| failed(StorageError::new(e)))?;
    // Before anything is set: a database from a newer Loom is not touched at all.
    let version = version(&conn).map_err(|e| failed(StorageError::new(e)))?;
    if version > migrations.len() {
        return Err(OpenError::Newer {
            path,
            found: version,
            known: migrations.len(),
        });
    }
    configure_writer(&conn, durability).map_err(|e| failed(StorageError::new(e)))?;
    if version > 0 && version < migrations.len() {
        back_up(&conn, &path, version)?;
    }
    Migrations::from_slice(migrations)
        .to_latest(&mut conn)
        .map_err(|e| failed(StorageError::new(e)))?;
    if migrations.len() >= MEMORY_READ_AGAIN {
        super::memory::read_again(&mut conn).map_err(|e| failed(StorageError::new(e)))?;
    }
    Ok(conn)
}

/// Settings of a connection that only reads.
pub(super) fn configure_reader(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    conn.pragma_update(None, "query_only", true)
}

/// How a reader opens the file: never creating it, so that a directory that was taken away is an
/// error and not a new, empty journal.
pub(super) fn reader_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, reader_flags())?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    Ok(conn)
}

fn version(conn: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // Loom writes none below zero; a file that has one is not Loom's, which reads as "newer".
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn configure_writer(conn: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let full = durability == Durability::Full;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", if full { "full" } else { "normal" })?;
    // On macOS a plain fsync stops at the disk's cache; elsewhere these two do nothing.
    conn.pragma_update(None, "fullfsync", full)?;
    conn.pragma_update(None, "checkpoint_fullfsync", full)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update_and_check(None, "journal_size_limit", MAX_IDLE_WAL_BYTES, |_| Ok(()))
}

/// Copies the database beside itself, whole or not at all.
fn back_up(conn: &Connection, path: &Path, version: usize) -> Result<(), OpenError> {
    let to = path.with_extension(format!("db.schema-{version}.bak"));
    let part = path.with_extension(format!("db.schema-{version}.part"));
    let failed = |source: StorageError| OpenError::Backup {
        from: path.to_owned(),
        to: to.clone(),
        source,
    };
    let settle = || -> io::Result<()> {
        File::open(&part)?.sync_all()?;
        std::fs::rename(&part, &to)?;
        sync_dir(path)
    };
    // What an earlier, interrupted copy left behind; usually nothing.
    std::fs::remove_file(&part).ok();
    make_private_file(&part).map_err(|e| failed(StorageError::new(e)))?;
    conn.backup("main", &part, None)
        .map_err(|e| failed(StorageError::new(e)))?;
    settle().map_err(|e| failed(StorageError::new(e)))?;
    tracing::info!(copy = %to.display(), "copied the database before migrating it");
    Ok(())
}

/// Makes a file that only its owner can read, or leaves the one that is there. SQLite gives the
/// files it makes beside it the same mode.
fn make_private_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    sync_dir(path)
}

/// Makes the name of a file durable; without it a rename or a new file may be gone after a power cut.
fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        #[cfg(unix)]
        Some(dir) => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a newer Loom would know.
    fn next() -> Vec<M<'static>> {
        let mut next = MIGRATIONS.to_vec();
        next.push(M::up("ALTER TABLE tasks ADD COLUMN extra TEXT;"));
        next
    }

    fn blobs(path: &Path) -> i64 {
        let conn = Connection::open(path).unwrap();
        conn.query_row("SELECT count(*) FROM blobs", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn the_migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn a_database_of_an_older_schema_is_copied_and_then_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let conn = open(dir.path(), Durability::Full).unwrap();
        conn.execute("INSERT INTO blobs VALUES ('a', 0, x'')", [])
            .unwrap();
        drop(conn);

        let conn = open_with(dir.path(), Durability::Full, &next()).unwrap();

        let known = MIGRATIONS.len();
        assert_eq!(version(&conn).unwrap(), known + 1);
        let copy = dir.path().join(format!("loom.db.schema-{known}.bak"));
        assert_eq!(version(&Connection::open(&copy).unwrap()).unwrap(), known);
        assert_eq!(blobs(&copy), 1);
        assert_eq!(blobs(&dir.path().join(DATABASE_FILE)), 1);
    }

    #[test]
    fn a_database_of_the_first_release_gets_a_place_for_model_facts() {
        let dir = tempfile::tempdir().unwrap();
        let conn = open_with(dir.path(), Durability::Full, &MIGRATIONS[..1]).unwrap();
        conn.execute("INSERT INTO blobs VALUES ('a', 0, x'')", [])
            .unwrap();
        drop(conn);
        let conn = open(dir.path(), Durability::Full).unwrap();
        let facts: i64 = conn
            .query_row("SELECT count(*) FROM model_facts", [], |row| row.get(0))
            .unwrap();
        assert_eq!(facts, 0);
        assert_eq!(blobs(&dir.path().join(DATABASE_FILE)), 1);
        assert_eq!(blobs(&dir.path().join("loom.db.schema-1.bak")), 1);
    }

    #[test]
    fn a_new_database_and_one_of_this_schema_are_not_copied() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            drop(open(dir.path(), Durability::Full).unwrap());
        }
        let names = std::fs::read_dir(dir.path()).unwrap();
        let names: Vec<_> = names.map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [DATABASE_FILE]);
    }

    #[test]
    fn a_failed_migration_leaves_the_old_schema_and_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path(), Durability::Full).unwrap());
        let mut broken = MIGRATIONS.to_vec();
        broken.push(M::up("nonsense"));
        let broken: &'static [M<'static>] = Box::leak(broken.into_boxed_slice());
        open_with(dir.path(), Durability::Full, broken).unwrap_err();
        let known = MIGRATIONS.len();
        let copy = dir.path().join(format!("loom.db.schema-{known}.bak"));
        assert!(copy.exists());
        assert_eq!(
            version(&open(dir.path(), Durability::Full).unwrap()).unwrap(),
            known
        );
    }

    #[test]
    fn a_database_from_a_newer_loom_is_refused_and_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        drop(open_with(dir.path(), Durability::Full, &next()).unwrap());
        let path = dir.path().join(DATABASE_FILE);
        let before = std::fs::read(&path).unwrap();

        let refused = open(dir.path(), Durability::Full).unwrap_err().to_string();

        let known = MIGRATIONS.len();
        let schema = format!("schema {}", known + 1);
        assert!(refused.contains(&schema), "{refused}");
        assert!(refused.contains(&format!("up to {known}")), "{refused}");
        assert!(refused.contains("LOOM_HOME"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn reading_makes_nothing_and_migrates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let missing = open_existing(dir.path()).unwrap_err();
        assert!(matches!(missing, OpenError::Missing { .. }), "{missing:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

        drop(open_with(dir.path(), Durability::Full, &next()).unwrap());
        let newer = open_existing(dir.path()).unwrap_err();
        assert!(
            matches!(newer, OpenError::Newer { found, .. } if found == MIGRATIONS.len() + 1),
            "{newer:?}"
        );

        let path = dir.path().join(DATABASE_FILE);
        let conn = Connection::open(&path).unwrap();
        conn.pragma_update(None, "user_version", 1).unwrap();
        let older = open_existing(dir.path()).unwrap_err();
        assert!(
            matches!(older, OpenError::Older { found: 1, .. }),
            "{older:?}"
        );
    }

    #[test]
    fn a_file_that_was_made_and_never_filled_is_no_journal_yet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DATABASE_FILE);
        make_private_file(&path).unwrap();
        let new = open_existing(dir.path()).unwrap_err();
        assert!(matches!(new, OpenError::Missing { .. }), "{new:?}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);

        // The next step of a first start.
        configure_writer(&connect(&path).unwrap(), Durability::Full).unwrap();
        let new = open_existing(dir.path()).unwrap_err();
        assert!(matches!(new, OpenError::Missing { .. }), "{new:?}");
        drop(open(dir.path(), Durability::Full).unwrap());
        open_existing(dir.path()).unwrap();
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(DATABASE_FILE),
            "no database at all".repeat(99),
        )
        .unwrap();
        let refused = open(dir.path(), Durability::Full).unwrap_err();
        assert!(matches!(refused, OpenError::Storage { .. }), "{refused:?}");
        assert!(refused.to_string().contains(DATABASE_FILE));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_the_database() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("a/b");
        drop(open(&home, Durability::Full).unwrap());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home), 0o700);
        assert_eq!(mode(&home.join(DATABASE_FILE)), 0o600);
    }
}
