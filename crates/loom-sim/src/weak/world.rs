//! Generated tasks: a small project with dependent steps, each with one right result.
//!
//! A step makes or updates one file of ten clauses and notes it in `MANIFEST`. Its file holds the keys
//! of the files that it depends on, so that a step without them cannot be right. One constraint is
//! stated once, in the goal, for all files. `tests/has.sh` is a script of the project that checks may
//! use; whoever changes it has tampered with a test.

use super::chance::Chance;
use std::fmt::Write as _;

/// Clauses of a file. Wrong logic shows in one of them.
pub(crate) const CLAUSES: usize = 10;

/// Lines of a file that is there already which are to stay.
const BODY: usize = 24;

/// Begins the name of every world.
const PREFIX: &str = "loft-";

/// The script that checks may use.
pub(crate) const SCRIPT: &str = "tests/has.sh";

/// What it says.
pub(crate) const SCRIPT_TEXT: &str = "#!/bin/sh\n\
# usage: sh tests/has.sh FILE LINE...: whether the file has each of these lines\n\
file=$1; shift\n\
text=$(cat \"$file\") || exit 1\n\
for line do\n\
case \"\n$text\n\" in\n\
*\"\n$line\n\"*) ;;\n\
*) echo \"$file has no line: $line\"; exit 1 ;;\n\
esac\n\
done\n";

/// A generated task.
#[derive(Clone, Debug)]
pub struct World {
    /// `loft-STEPS-NUMBER`: it is in the goal, and all that a model needs to know its world.
    pub name: String,
    /// What is done, to files of which kind, where that is told.
    pub trade: Option<Trade>,
    /// What every file must end with, after `owner: `.
    pub owner: String,
    /// Its steps, in an order that respects their dependencies.
    pub items: Vec<Item>,
}

/// What a world's steps do, to files of which kind: models are not equally good at everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trade {
    /// Puts settings right.
    Mend,
    /// Writes prose.
    Draft,
    /// Brings tables to another form.
    Convert,
    /// Adds to queries.
    Extend,
    /// Puts notes in order.
    Sort,
    /// Sets something up.
    Configure,
}

impl Trade {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Mend,
        Self::Draft,
        Self::Convert,
        Self::Extend,
        Self::Sort,
        Self::Configure,
    ];

    /// What is done, in a word of plans.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Mend => "mend",
            Self::Draft => "draft",
            Self::Convert => "convert",
            Self::Extend => "extend",
            Self::Sort => "sort",
            Self::Configure => "configure",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Mend => "yaml",
            Self::Draft => "md",
            Self::Convert => "csv",
            Self::Extend => "sql",
            Self::Sort => "txt",
            // None that has rules of its own: what the files hold is no TOML.
            Self::Configure => "conf",
        }
    }
}

/// One step of a world.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is done, where the world tells.
    pub trade: Option<Trade>,
    /// Counts from 1.
    pub number: usize,
    /// Whether its file is new.
    pub kind: ItemKind,
    /// Its file.
    pub path: String,
    /// Positions of the steps whose files it needs.
    pub needs: Vec<usize>,
    /// What those that need it must know.
    pub key: u64,
    /// The right value of each clause.
    pub clauses: Vec<u64>,
}

/// Whether a file is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// It is made.
    Create,
    /// It is there, and part of it stays.
    Update,
}

/// How a model writes a file, where that is not right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slips {
    /// The clause that is wrong, and by how much.
    pub(crate) wrong_clause: Option<(usize, u64)>,
    /// The file does not end as all files must.
    pub(crate) forgotten: bool,
    /// What was to stay is left out.
    pub(crate) elided: Option<&'static str>,
    /// Names this try in the first line, as no two tries of a real model are the same text.
    pub(crate) draft: usize,
}

impl World {
    /// The world of this number with so many steps.
    #[must_use]
    pub fn new(seed: u64, steps: usize, number: u64) -> Self {
        Self::of(seed, steps, number, None)
    }

    /// A world of a trade.
    #[must_use]
    pub fn of_trade(seed: u64, steps: usize, number: u64, trade: Trade) -> Self {
        Self::of(seed, steps, number, Some(trade))
    }

    fn of(seed: u64, steps: usize, number: u64, trade: Option<Trade>) -> Self {
        let mut name = format!("{PREFIX}{steps}-{number}");
        if let Some(trade) = trade {
            push(&mut name, format_args!("-{}", trade.verb()));
        }
        let chance = Chance::new(seed).about("world").about(&name);
        let rewrites = super::Nature::default().rewrites;
        let items = (0..steps).map(|at| item(chance.with(at as u64), at, rewrites, trade));
        Self {
            trade,
            owner: OWNERS[chance.about("owner").below(OWNERS.len())].to_owned(),
            items: items.collect(),
            name,
        }
    }

    /// The world that a text speaks of.
    #[must_use]
    pub fn named_in(seed: u64, text: &str) -> Option<Self> {
        let (steps, number, trade) = name_in(text)?;
        Some(Self::of(seed, steps, number, trade))
    }

    /// The files of the project before any work, by path.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let readme = format!(
            "# {}\n\nA small project. `MANIFEST` lists what is done; docs/ says what is wanted.\n",
            self.name
        );
        let mut manifest = String::new();
        for item in &self.items {
            push(&mut manifest, format_args!("{:02} open\n", item.number));
        }
        let mut files = vec![
            ("README.md".to_owned(), readme),
            ("MANIFEST".to_owned(), manifest),
            (SCRIPT.to_owned(), SCRIPT_TEXT.to_owned()),
        ];
        for item in &self.items {
            files.push((item.doc(), self.spec(item)));
            if item.kind == ItemKind::Update {
                files.push((item.path.clone(), item.before()));
            }
        }
        files
    }

    /// What is asked for.
    #[must_use]
    pub fn goal(&self) -> String {
        let mut goal = format!(
            "{}: carry out the steps of this project, in this order.\nEvery file that a step makes or updates must end with the line `owner: {}`, whatever the step says.\n",
            self.name, self.owner
        );
        for item in &self.items {
            let line = format_args!(
                "- {}: {} {} as {} says.{}\n",
                item.id(),
                item.verb(),
                item.path,
                item.doc(),
                self.needs_in_words(item)
            );
            push(&mut goal, line);
        }
        goal.push_str("After each step put its key behind its number in MANIFEST.\n");
        goal
    }

    /// The text that a step's file has, if a model makes these slips.
    pub(crate) fn text(&self, item: &Item, keys: &[Option<u64>], slips: Slips) -> String {
        let mut text = format!(
            "# {}, draft {}\nkey: {}\n",
            item.id(),
            slips.draft,
            item.key
        );
        for (need, key) in item.needs.iter().zip(keys) {
            let id = self.items[*need].id();
            match key {
                Some(key) => push(&mut text, format_args!("base {id}: {key}\n")),
                None => push(&mut text, format_args!("base {id}: unknown\n")),
            }
        }
        for at in 0..CLAUSES {
            let wrong = slips.wrong_clause.filter(|(clause, _)| *clause == at);
            let by = wrong.map_or(0, |(_, by)| by);
            push(&mut text, format_args!("{}\n", item.clause(at, by)));
        }
        match (item.kind, slips.elided) {
            (ItemKind::Create, _) => {}
            (ItemKind::Update, None) => text.push_str(&item.body()),
            (ItemKind::Update, Some(mark)) => text.push_str(mark),
        }
        if !slips.forgotten {
            push(&mut text, format_args!("owner: {}\n", self.owner));
        }
        text
    }

    /// The right text of a step's file.
    #[must_use]
    pub fn right(&self, item: &Item) -> String {
        let keys: Vec<_> = item
            .needs
            .iter()
            .map(|n| Some(self.items[*n].key))
            .collect();
        self.text(item, &keys, Slips::default())
    }

    /// Whether a text is right, whichever draft it is.
    pub(crate) fn is_right(&self, item: &Item, text: &str) -> bool {
        let rest = |text: &str| text.split_once('\n').map(|(_, rest)| rest.to_owned());
        rest(text) == rest(&self.right(item))
    }

    /// The step with this id.
    pub(crate) fn item(&self, id: &str) -> Option<&Item> {
        let number: usize = id.strip_prefix('s')?.parse().ok()?;
        self.items.get(number.checked_sub(1)?)
    }

    pub(crate) fn needs_in_words(&self, item: &Item) -> String {
        let paths: Vec<&str> = item.needs.iter().map(|n| &*self.items[*n].path).collect();
        match paths.as_slice() {
            [] => String::new(),
            paths => format!(" It needs the key in {}.", paths.join(" and in ")),
        }
    }

    fn spec(&self, item: &Item) -> String {
        let mut text = format!("# What {} is to hold\n\n", item.path);
        push(&mut text, format_args!("Its key is {}.", item.key));
        text.push_str(&self.needs_in_words(item));
        text.push_str(" Then the clauses c01 to c10, each a sum:\n\n");
        for (at, value) in item.clauses.iter().enumerate() {
            let part = value / 3;
            let line = format_args!("- c{:02}: {part} + {}\n", at + 1, value - part);
            push(&mut text, line);
        }
        if item.kind == ItemKind::Update {
            text.push_str("\nThe notes below the clauses stay as they are.\n");
        }
        text
    }
}

impl Item {
    /// `s03`
    #[must_use]
    pub fn id(&self) -> String {
        format!("s{:02}", self.number)
    }

    pub(crate) fn doc(&self) -> String {
        format!("docs/{}.md", self.id())
    }

    pub(crate) const fn verb(&self) -> &'static str {
        match (self.trade, self.kind) {
            (Some(trade), _) => trade.verb(),
            (None, ItemKind::Create) => "make",
            (None, ItemKind::Update) => "bring up to date",
        }
    }

    /// The file that a model works on when it takes another one.
    pub(crate) fn elsewhere(&self) -> String {
        self.path.replacen('.', "-new.", 1)
    }

    /// The line of a clause, wrong by so much.
    pub(crate) fn clause(&self, at: usize, by: u64) -> String {
        let value = self.clauses.get(at).copied().unwrap_or_default();
        format!("c{:02}: {}", at + 1, value + by)
    }

    /// Its line in `MANIFEST` before and after.
    pub(crate) fn manifest(&self) -> (String, String) {
        let number = self.number;
        (
            format!("{number:02} open"),
            format!("{number:02} {}", self.key),
        )
    }

    /// The lines that stay.
    pub(crate) fn body(&self) -> String {
        let mut text = String::new();
        for at in 1..=BODY {
            let mark = self.key.wrapping_mul(31).wrapping_add(at as u64 * 977) % 9_973;
            push(&mut text, format_args!("note {at:02}: keep {mark}\n"));
        }
        text
    }

    fn before(&self) -> String {
        let mut text = format!("# {}\nkey: none\n", self.id());
        for at in 1..=CLAUSES {
            push(&mut text, format_args!("c{at:02}: to do\n"));
        }
        text + &self.body()
    }
}

fn item(chance: Chance, at: usize, rewrites: f64, trade: Option<Trade>) -> Item {
    let kind = if chance.about("kind").hit(rewrites) {
        ItemKind::Update
    } else {
        ItemKind::Create
    };
    let folder = match kind {
        ItemKind::Create => "out",
        ItemKind::Update => "data",
    };
    let number = at + 1;
    let value = |what: &str| 1_000 + chance.about(what).below(9_000) as u64;
    let extension = trade.map_or("txt", Trade::extension);
    Item {
        trade,
        number,
        kind,
        path: format!("{folder}/s{number:02}.{extension}"),
        needs: needs(chance, at),
        key: value("key"),
        clauses: (0..CLAUSES)
            .map(|c| value(&format!("clause {c}")))
            .collect(),
    }
}

/// Mostly the step before; sometimes another one, or a second one.
fn needs(chance: Chance, at: usize) -> Vec<usize> {
    if at == 0 {
        return Vec::new();
    }
    let any = chance.about("which").below(at);
    let first = if chance.about("chain").hit(0.7) {
        at - 1
    } else {
        any
    };
    let mut needs = vec![first];
    if any != first && chance.about("second").hit(0.3) {
        needs.push(any);
    }
    needs
}

/// Steps, number and trade in the last name of a world in a text: what it is about comes after what
/// is shown for comparison.
fn name_in(text: &str) -> Option<(usize, u64, Option<Trade>)> {
    let rest = &text[text.rfind(PREFIX)? + PREFIX.len()..];
    let (steps, rest) = rest.split_once('-')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let trade = rest[end..].strip_prefix('-');
    let trade = trade.and_then(|word| {
        let mut trades = Trade::ALL.into_iter();
        trades.find(|trade| word.starts_with(trade.verb()))
    });
    Some((steps.parse().ok()?, rest[..end].parse().ok()?, trade))
}

pub(crate) fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more)
        .expect("BUG: text can be written to a string");
}

const OWNERS: [&str; 8] = [
    "harbour", "mill", "orchard", "quarry", "ferry", "foundry", "granary", "tannery",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_the_same_for_its_name_and_other_for_another() {
        let world = World::new(1, 10, 7);
        let again = World::named_in(1, &format!("about {}: do it", world.name)).unwrap();
        assert_eq!(world.goal(), again.goal());
        assert_eq!(world.files(), again.files());
        assert_ne!(world.files(), World::new(1, 10, 8).files());
        assert_ne!(world.files(), World::new(2, 10, 7).files());
    }

    #[test]
    fn a_text_is_about_the_world_that_it_names_last() {
        for trade in Trade::ALL {
            let world = World::of_trade(1, 3, 7, trade);
            let text = format!(
                "like {}: done\nnow {}: do it",
                World::new(1, 3, 2).name,
                world.name
            );
            let found = World::named_in(1, &text).unwrap();
            assert_eq!((found.name, found.trade), (world.name, Some(trade)));
            assert!(world.items[0].path.ends_with(trade.extension()));
        }
    }

    #[test]
    fn steps_need_only_earlier_ones_and_every_slip_changes_the_text() {
        let world = World::new(1, 50, 3);
        for (at, item) in world.items.iter().enumerate() {
            assert!(item.needs.iter().all(|need| *need < at));
            assert_eq!(item.needs.is_empty(), at == 0);
            let right = world.right(item);
            let keys: Vec<_> = item
                .needs
                .iter()
                .map(|n| Some(world.items[*n].key))
                .collect();
            let slips = [
                Slips {
                    wrong_clause: Some((3, 1)),
                    ..Slips::default()
                },
                Slips {
                    forgotten: true,
                    ..Slips::default()
                },
            ];
            for slip in slips {
                assert_ne!(world.text(item, &keys, slip), right);
            }
            let elided = Slips {
                elided: Some("…\n"),
                ..Slips::default()
            };
            assert_eq!(
                world.text(item, &keys, elided) == right,
                item.kind == ItemKind::Create
            );
        }
    }
}
