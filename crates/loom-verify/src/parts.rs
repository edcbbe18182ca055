//! What is laid before a verifier at once. Small work is one sheet. Large work goes in parts: whoever is
//! shown too much loses the thread, and what does not fit is taken for missing. Each part is files with
//! all that is known of them, and of the whole goal one more sheet is the list of what was changed.

use crate::material::{Kind, Piece, Shown};
use crate::{GateInput, Scope};
use loom_prompts::{Block, Part, estimate_tokens};
use std::collections::BTreeMap;

/// What is shown together, and what is asked of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) blocks: Vec<Block>,
    /// Conditions to judge by these blocks.
    pub(crate) criteria: Vec<String>,
    /// Which part of the work it is, when it is not the whole.
    pub(crate) part: Option<Part>,
}

/// Everything that a verifier of some work is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheets {
    /// At least one.
    pub(crate) sheets: Vec<Sheet>,
    /// What had to be left out.
    pub(crate) degraded: Vec<String>,
}

/// How much is shown at once.
#[derive(Clone, Copy, Debug)]
struct Limit {
    blocks: usize,
    tokens: u64,
}

/// Work up to this size is looked at as a whole.
const WHOLE: Limit = Limit {
    blocks: 40,
    tokens: 24_000,
};

/// Once it is divided, parts that can be read with care.
const PART: Limit = Limit {
    blocks: 20,
    tokens: 12_000,
};

/// A smaller window than this is not divided for: the prompt cuts, and says so.
const LEAST_TOKENS: u64 = 1_000;

/// Most parts of one work. Each is a call, and the last gate looks three times.
const MAX_PARTS: usize = 12;

/// Longest block.
const BLOCK_LINES: usize = 400;

/// Most criteria that are judged of a step: eight calls. A step with more is a plan of its own.
const MAX_CRITERIA: usize = 40;

/// Most files that are named where a list of them is shown.
const MAX_NAMED: usize = 400;

impl Sheets {
    /// One block, as it is.
    pub(crate) fn of(block: Block, criteria: Vec<String>) -> Self {
        Self {
            sheets: vec![Sheet {
                blocks: vec![block],
                criteria,
                part: None,
            }],
            degraded: Vec::new(),
        }
    }

    /// Every condition, each once.
    pub(crate) fn criteria(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for criterion in self.sheets.iter().flat_map(|sheet| &sheet.criteria) {
            if !all.contains(criterion) {
                all.push(criterion.clone());
            }
        }
        all
    }
}

/// Lays out what is shown. `room` is what a verifier can take at once, in tokens, where that is known.
pub(crate) fn sheets(input: &GateInput, shown: Shown, room: Option<u64>) -> Sheets {
    let Shown {
        pieces,
        listing,
        mut degraded,
        ..
    } = shown;
    let criteria: Vec<String> = input
        .step
        .criteria
        .iter()
        .take(MAX_CRITERIA)
        .cloned()
        .collect();
    let unjudged = input.step.criteria.len() - criteria.len();
    if unjudged > 0 {
        degraded.push(format!("{unjudged} criteria were not judged"));
    }
    let (whole, part) = (WHOLE.within(room), PART.within(room));
    let pieces = cut_all(pieces, u64::MAX);
    if Load::of(&pieces).fits(whole) {
        let sheet = Sheet {
            blocks: blocks(&pieces),
            criteria,
            part: None,
        };
        return Sheets {
            sheets: vec![sheet],
            degraded,
        };
    }
    let mut portions = portions(cut_all(pieces, part.tokens), part);
    let all: usize = portions.iter().map(Vec::len).sum();
    portions.truncate(MAX_PARTS);
    let kept: usize = portions.iter().map(Vec::len).sum();
    if kept < all {
        degraded.push(format!(
            "the verifier was shown only {kept} of {all} pieces of the work"
        ));
    }
    let sheets = match input.step.scope {
        // It may be any part that shows it.
        Scope::Subtask => parts(&portions, 0, |_| criteria.clone()),
        Scope::Goal => {
            // Somebody has to look at each part.
            let mut sheets = parts(&portions, 1, of_a_part);
            sheets.push(list(&listing, sheets.len()));
            sheets
        }
    };
    Sheets { sheets, degraded }
}

/// What is asked of a part of the whole goal.
fn of_a_part(place: &str) -> Vec<String> {
    vec![
        format!("What was asked for of these files is there ({place})."),
        format!("Nothing in these files that should have stayed was removed or broken ({place})."),
    ]
}

/// A sheet for each portion; `more` sheets follow.
fn parts(
    portions: &[Vec<Piece>],
    more: usize,
    criteria: impl Fn(&str) -> Vec<String>,
) -> Vec<Sheet> {
    let of = portions.len() + more;
    let paths: Vec<Vec<&str>> = portions.iter().map(|portion| paths(portion)).collect();
    let sheet = |(at, portion): (usize, &Vec<Piece>)| {
        let number = at + 1;
        let mut elsewhere: Vec<String> = Vec::new();
        for path in paths.iter().flatten() {
            let known = elsewhere.iter().any(|other| other == path);
            if !paths[at].contains(path) && !known && elsewhere.len() < MAX_NAMED {
                elsewhere.push((*path).to_owned());
            }
        }
        Sheet {
            blocks: blocks(portion),
            criteria: criteria(&format!("part {number} of {of}")),
            part: Some(Part {
                number,
                of,
                elsewhere,
            }),
        }
    };
    portions.iter().enumerate().map(sheet).collect()
}

/// The sheet that names every changed file: what nobody made is in no other.
fn list(listing: &[String], before: usize) -> Sheet {
    let mut lines: Vec<String> = listing.iter().take(MAX_NAMED).cloned().collect();
    if listing.len() > lines.len() {
        lines.push(format!("and {} more", listing.len() - lines.len()));
    }
    Sheet {
        blocks: vec![Block {
            label: "D1".to_owned(),
            title: "files that the work changed; what is in them is looked at by others".to_owned(),
            text: lines.join("\n"),
        }],
        criteria: vec!["Everything that was asked for has its place among these files.".to_owned()],
        part: Some(Part {
            number: before + 1,
            of: before + 1,
            elsewhere: Vec::new(),
        }),
    }
}

impl Limit {
    fn within(self, room: Option<u64>) -> Self {
        let room = room.unwrap_or(u64::MAX).max(LEAST_TOKENS);
        Self {
            tokens: self.tokens.min(room),
            ..self
        }
    }
}

/// What some pieces weigh.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    blocks: usize,
    comments: bool,
    tokens: u64,
}

impl Load {
    fn of(pieces: &[Piece]) -> Self {
        pieces.iter().fold(Self::default(), Self::with)
    }

    fn with(self, piece: &Piece) -> Self {
        let comment = piece.kind == Kind::Comments;
        Self {
            blocks: self.blocks + usize::from(!comment),
            comments: self.comments || comment,
            tokens: self.tokens.saturating_add(estimate_tokens(&piece.text)),
        }
    }

    fn fits(self, limit: Limit) -> bool {
        // All comments are one block.
        self.blocks + usize::from(self.comments) <= limit.blocks && self.tokens <= limit.tokens
    }
}

/// Pieces in portions that fit, each file in one of them where it can be.
fn portions(pieces: Vec<Piece>, limit: Limit) -> Vec<Vec<Piece>> {
    let mut portions: Vec<Vec<Piece>> = vec![Vec::new()];
    for unit in by_file(pieces) {
        let apart = Load::of(&unit).fits(limit);
        let last = portions
            .last()
            .map(|last| Load::of(last))
            .unwrap_or_default();
        if apart && !unit.iter().fold(last, Load::with).fits(limit) {
            portions.push(Vec::new());
        }
        for piece in unit {
            match portions.last_mut() {
                Some(last) if last.is_empty() || Load::of(last).with(&piece).fits(limit) => {
                    last.push(piece);
                }
                Some(_) | None => portions.push(vec![piece]),
            }
        }
    }
    portions.retain(|portion| !portion.is_empty());
    portions
}

/// Pieces that belong together, in the order in which their files come first.
fn by_file(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut order: BTreeMap<Option<String>, usize> = BTreeMap::new();
    let mut units: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        let at = *order.entry(piece.path.clone()).or_insert(units.len());
        match units.get_mut(at) {
            Some(unit) => unit.push(piece),
            None => units.push(vec![piece]),
        }
    }
    units
}

fn paths(pieces: &[Piece]) -> Vec<&str> {
    let mut paths: Vec<&str> = Vec::new();
    for path in pieces.iter().filter_map(|piece| piece.path.as_deref()) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn cut_all(pieces: Vec<Piece>, tokens: u64) -> Vec<Piece> {
    pieces
        .into_iter()
        .flat_map(|piece| cut(piece, tokens))
        .collect()
}

/// A piece in pieces of at most [`BLOCK_LINES`] lines and so many tokens; a line stays whole.
fn cut(piece: Piece, tokens: u64) -> Vec<Piece> {
    let short = piece.text.lines().count() <= BLOCK_LINES;
    if short && estimate_tokens(&piece.text) <= tokens {
        return vec![piece];
    }
    let mut runs: Vec<(usize, Vec<&str>, u64)> = Vec::new();
    for (at, line) in piece.text.lines().enumerate() {
        let weight = estimate_tokens(line).saturating_add(1);
        match runs.last_mut() {
            Some((_, run, load))
                if run.len() < BLOCK_LINES && load.saturating_add(weight) <= tokens =>
            {
                run.push(line);
                *load += weight;
            }
            Some(_) | None => runs.push((at + 1, vec![line], weight)),
        }
    }
    let of_run = |(first, run, _): (usize, Vec<&str>, u64)| Piece {
        title: format!(
            "{} (lines {first} to {})",
            piece.title,
            first + run.len() - 1
        ),
        text: run.join("\n"),
        ..piece.clone()
    };
    runs.into_iter().map(of_run).collect()
}

/// Numbered blocks: diffs first, then the comments that they add, then excerpts.
fn blocks(pieces: &[Piece]) -> Vec<Block> {
    let of = |kind: Kind| pieces.iter().filter(move |piece| piece.kind == kind);
    let comments: Vec<&str> = of(Kind::Comments)
        .map(|piece| piece.text.as_str())
        .collect();
    let comments = (!comments.is_empty()).then(|| {
        let title = "comments that the work added (claims, no evidence of behaviour)";
        (title, comments.join("\n"))
    });
    let whole = |piece: &'_ Piece| (piece.title.clone(), piece.text.clone());
    of(Kind::Report)
        .chain(of(Kind::Diff))
        .map(whole)
        .chain(comments.map(|(title, text)| (title.to_owned(), text)))
        .chain(of(Kind::Excerpt).map(whole))
        .enumerate()
        .map(|(at, (title, text))| Block {
            label: format!("D{}", at + 1),
            title,
            text,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(kind: Kind, path: usize, lines: usize) -> Piece {
        Piece {
            kind,
            path: Some(format!("f{path}")),
            title: format!("of f{path}"),
            text: (0..lines)
                .map(|n| format!("file {path} line {n}\n"))
                .collect(),
        }
    }

    /// Files of all sizes, some with comments, some with an excerpt.
    fn pieces(files: usize) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for n in 0..files {
            pieces.push(piece(Kind::Diff, n, (n * 37) % 90 + 1));
            if n % 3 == 0 {
                pieces.push(piece(Kind::Comments, n, 3));
            }
        }
        let excerpts = (0..files).filter(|n| n % 2 == 0);
        pieces.extend(excerpts.map(|n| piece(Kind::Excerpt, n, (n * 53) % 120 + 1)));
        pieces
    }

    #[test]
    fn every_portion_fits_nothing_is_lost_and_a_file_that_fits_stays_together() {
        for (files, tokens) in [(1, 100), (7, 500), (60, 1_000), (90, 12_000), (200, 3_000)] {
            let limit = Limit { blocks: 20, tokens };
            let before = cut_all(pieces(files), tokens);
            let portions = portions(before.clone(), limit);
            let mut after: Vec<Piece> = portions.concat();
            assert_eq!(after.len(), before.len());
            after.retain(|piece| !before.contains(piece));
            assert_eq!(after, []);
            for portion in &portions {
                assert!(
                    Load::of(portion).fits(limit),
                    "{files} files, {tokens} tokens"
                );
                assert!(blocks(portion).len() <= limit.blocks);
            }
            for unit in by_file(before) {
                let path = unit[0].path.clone();
                let has = |portion: &&Vec<Piece>| portion.iter().any(|piece| piece.path == path);
                if Load::of(&unit).fits(limit) {
                    assert_eq!(portions.iter().filter(has).count(), 1, "{path:?}");
                }
            }
        }
    }

    #[test]
    fn a_line_that_is_longer_than_the_room_stays_whole() {
        let long = "word ".repeat(1_000);
        let piece = Piece {
            text: format!("short\n{long}\nshort"),
            ..piece(Kind::Diff, 1, 1)
        };
        let cut = cut(piece, 100);
        assert_eq!(cut.len(), 3);
        assert_eq!(cut[1].text, long);
        assert_eq!(cut[2].title, "of f1 (lines 3 to 3)");
    }
}
