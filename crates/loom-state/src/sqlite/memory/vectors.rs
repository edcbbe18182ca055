//! Vectors of entries: those that are missing, those that come, and a look at all of them.

use super::super::column::{int, limit, uint};
use super::super::reader::Result;
use super::filter::Filter;
use super::{entries, row};
use crate::vectors::{VECTORS, closest};
use crate::{MemoryRow, NewVector, SimilarQuery, Unembedded};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

/// The newest entries that have no vector of a model, the newest first.
pub(in crate::sqlite) fn unembedded(
    conn: &Connection,
    model: &str,
    most: usize,
) -> Result<Vec<Unembedded>> {
    let snapshot = conn.unchecked_transaction()?;
    let oldest = entries(&snapshot)?.saturating_sub(VECTORS);
    let numbers: Vec<u64> = {
        let mut statement = snapshot.prepare_cached(
            "SELECT m.number FROM memory m WHERE m.number > ?1 AND NOT EXISTS \
             (SELECT 1 FROM memory_vectors v WHERE v.number = m.number AND v.model = ?2) \
             ORDER BY m.number DESC LIMIT ?3",
        )?;
        let rows =
            statement.query_map(params![int(oldest), model, limit(most)], |row| uint(row, 0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let mut found = Vec::new();
    for number in numbers {
        found.extend(row(&snapshot, int(number))?.map(|row| Unembedded {
            number,
            entry: row.entry,
        }));
    }
    Ok(found)
}

/// Keeps vectors that a model made, in place of those of another one; those of old entries go.
pub(in crate::sqlite) fn keep(
    conn: &Connection,
    model: &str,
    vectors: &[NewVector],
) -> rusqlite::Result<()> {
    let mut keep = conn.prepare_cached(
        "INSERT OR REPLACE INTO memory_vectors (number, model, dimensions, vector) \
         SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM memory WHERE number = ?1)",
    )?;
    for NewVector { number, vector } in vectors {
        keep.execute(params![
            int(*number),
            model,
            limit(vector.dimensions()),
            vector.to_bytes()
        ])?;
    }
    let oldest = entries(conn)?.saturating_sub(VECTORS);
    conn.prepare_cached("DELETE FROM memory_vectors WHERE number <= ?1")?
        .execute([int(oldest)])?;
    Ok(())
}

/// The entries whose vectors are closest, the closest first.
pub(in crate::sqlite) fn similar(
    conn: &Connection,
    query: &SimilarQuery,
) -> Result<Vec<MemoryRow>> {
    let snapshot = conn.unchecked_transaction()?;
    let filter = Filter::of(&query.within);
    let of_task = match query.within.task {
        Some(_) => " AND m.task_id = ?",
        None => "",
    };
    let sql = format!(
        "SELECT m.number, v.vector FROM memory_vectors v JOIN memory m ON m.number = v.number \
         WHERE v.model = ? AND v.dimensions = ?{of_task}{}",
        filter.sql
    );
    let mut values: Vec<Value> = vec![
        query.model.clone().into(),
        limit(query.vector.dimensions()).into(),
    ];
    values.extend(query.within.task.map(|task| task.to_string().into()));
    let mut scored = Vec::new();
    {
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(filter.after(values)))?;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let closeness = query.vector.closeness_to_stored(bytes);
            if let Some(closeness) = closeness {
                scored.push((closeness, row.get(0)?));
            }
        }
    }
    let mut found = Vec::new();
    for number in closest(scored, query.least, query.within.limit) {
        found.extend(row(&snapshot, number)?);
    }
    Ok(found)
}
