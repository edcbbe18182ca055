//! The ways in which a task is run: settings of the task and models of the router, nothing else.

use loom_events::{
    ApprovalMode, Bands, Defences, Limits, Role, Rung, TaskSettings, Tier, Verification, Voting,
};
use loom_router::ModelEntry;
use loom_sim::{Nature, Profile};

/// A class of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Weak,
    Middling,
    Strong,
    /// Never errs.
    Faultless,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Weak, Self::Middling, Self::Strong];

    pub fn profile(self) -> Profile {
        match self {
            Self::Weak => Profile::weak(),
            Self::Middling => Profile::middling(),
            Self::Strong => Profile::strong(),
            Self::Faultless => Profile::faultless(),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Middling => "middling",
            Self::Strong => "strong",
            Self::Faultless => "faultless",
        }
    }

    pub const fn tier(self) -> Tier {
        match self {
            Self::Weak | Self::Faultless => Tier::Small,
            Self::Middling => Tier::Medium,
            Self::Strong => Tier::Large,
        }
    }

    /// The class that a ladder leads to.
    const fn next(self) -> Option<Self> {
        match self {
            Self::Weak => Some(Self::Middling),
            Self::Middling => Some(Self::Strong),
            Self::Strong | Self::Faultless => None,
        }
    }
}

/// One way of running tasks.
#[derive(Clone, Debug)]
pub struct Variant {
    /// In tables.
    pub name: String,
    settings: TaskSettings,
    /// Whether attempts may go to the next class.
    climbs: bool,
    /// Who plans, writes checks and judges, if not the worker's own class.
    head: Option<Class>,
    /// Whether equal work is worded alike, whoever does it.
    alike: bool,
    /// Whether a reviewer of a part is as tired as one of the whole.
    tires: bool,
}

/// The first of the cumulative variants.
const PLAIN: char = 'B';

/// Attempts at a step: of one class, and with the next one.
const THREE: [Rung; 3] = [Rung::Planned, Rung::Feedback, Rung::Feedback];
const FIVE: [Rung; 5] = [
    Rung::Planned,
    Rung::Feedback,
    Rung::Feedback,
    Rung::NextTier,
    Rung::TopTier,
];

impl Variant {
    /// The cumulative variants of the note on verification, B to I.
    pub fn letter(letter: char) -> Self {
        let at = |from: char| letter >= from;
        let settings = TaskSettings {
            limits: Limits {
                iterations: 5_000,
                turns_per_attempt: if at('C') { 24 } else { 600 },
                plan_versions: if at('H') { 5 } else { 1 },
                max_subtasks: 100,
                tokens: u64::MAX,
                ..Limits::default()
            },
            ladder: match letter {
                'B' | 'C' => vec![Rung::Planned],
                'D' | 'E' | 'F' => THREE.to_vec(),
                _ => FIVE.to_vec(),
            },
            approval: ApprovalMode::Auto,
            // Whatever passes its gates counts, however unsure it is: what would be asked is seen from
            // the calibration.
            bands: Bands {
                proceed: 0.0,
                ask: 0.0,
                stop: 0.0,
                ..Bands::default()
            },
            verification: Verification {
                tier: match letter {
                    'B' | 'C' => 0,
                    'D' | 'E' => 1,
                    _ => 2,
                },
                final_gate: at('H'),
                vote: match at('I') {
                    true => Voting::Executions,
                    false => Voting::Verdicts,
                },
                ..Verification::default()
            },
            defences: Defences {
                plan: at('C'),
                nudges: letter >= PLAIN,
                check_rules: at('E'),
                protection: at('E'),
                scope: at('E'),
                disputes: at('F'),
            },
            // A plan is made again for a reason, not by the clock: the note knows no other.
            replan_interval: 0,
            // What a task meets must not depend on the tasks before it.
            learning: false,
            ..TaskSettings::default()
        };
        Self {
            name: letter.to_string(),
            settings,
            climbs: at('G'),
            head: None,
            alike: false,
            tires: false,
        }
    }

    /// The same among models that word equal work alike: else executions of a text never agree.
    pub fn worded_alike(mut self) -> Self {
        self.name = format!("{}, worded alike", self.name);
        self.alike = true;
        self
    }

    /// H among reviewers who see as little of a part as they would of the whole: what parts are worth
    /// then is only that each is looked at.
    pub fn tiring() -> Self {
        Self {
            name: "H, parts tire".to_owned(),
            tires: true,
            ..Self::letter('H')
        }
    }

    /// The same with checks that count as they were planned: none of them is evidence then.
    fn unchecked(mut self) -> Self {
        self.name = format!("{} without validated checks", self.name);
        self.settings.defences.check_rules = false;
        self
    }

    /// H with executions that vote, each after what it is compared with: with every defence, where hardly a
    /// step is without a check that is evidence; with none that is; and with none among models that word
    /// equal work alike.
    pub fn voting() -> Vec<Self> {
        let both = |change: fn(Self) -> Self| ['H', 'I'].map(|letter| change(Self::letter(letter)));
        let mut variants = both(|variant| variant).to_vec();
        variants.extend(both(Self::unchecked));
        variants.extend(both(|variant| variant.unchecked().worded_alike()));
        variants
    }

    /// The same with another class as planner and verifier.
    pub fn headed_by(mut self, class: Class) -> Self {
        self.name = format!("{}, {} head", self.name, class.name());
        self.head = Some(class);
        self
    }

    /// The same with what earlier tasks teach.
    pub fn learning(mut self) -> Self {
        self.name = format!("{}, learning", self.name);
        self.settings.learning = true;
        self
    }

    /// H with one defence less.
    pub fn without() -> Vec<Self> {
        let less = |name: &str, change: fn(&mut Self)| {
            let mut variant = Self::letter('H');
            variant.name = format!("H without {name}");
            change(&mut variant);
            variant
        };
        vec![
            less("retries", |v| v.settings.ladder.truncate(1)),
            less("feedback in the same context", |v| {
                v.settings.limits.nudges = 0;
            }),
            less("validated checks, protection, scope", |v| {
                v.settings.defences.check_rules = false;
                v.settings.defences.protection = false;
                v.settings.defences.scope = false;
            }),
            less("validated checks", |v| {
                v.settings.defences.check_rules = false;
            }),
            less("protection", |v| v.settings.defences.protection = false),
            less("scope", |v| v.settings.defences.scope = false),
            less("tier 2 and disputes", |v| {
                v.settings.verification.tier = 1;
                v.settings.defences.disputes = false;
            }),
            less("disputes", |v| v.settings.defences.disputes = false),
            less("plan (and fresh contexts)", |v| {
                v.settings.defences.plan = false;
                v.settings.limits.turns_per_attempt = 600;
            }),
            less("last gate", |v| v.settings.verification.final_gate = false),
            less("new plans", |v| v.settings.limits.plan_versions = 1),
            less("nudges and loop guard", |v| {
                v.settings.defences.nudges = false;
            }),
            less("ladder", |v| v.climbs = false),
        ]
    }

    /// What models have in common.
    pub fn nature(&self) -> Nature {
        Nature {
            worded_alike: f64::from(u8::from(self.alike)),
            parts_tire: f64::from(u8::from(self.tires)),
            ..Nature::default()
        }
    }

    pub fn settings(&self) -> TaskSettings {
        self.settings.clone()
    }

    /// The classes at work, with the model entries for them.
    pub fn models(&self, class: Class, url: &str) -> Vec<ModelEntry> {
        let heads = [Role::Planner, Role::Replanner, Role::Verifier];
        let entry = |class: Class, roles: Vec<Role>| {
            let mut entry = ModelEntry::new(class.name(), url);
            entry.model = Some(class.name().to_owned());
            entry.tier = class.tier();
            entry.roles = roles;
            entry.context_length = Some(131_072);
            entry.max_concurrency = 64;
            entry
        };
        let hands = |role: &Role| self.head.is_none() || !heads.contains(role);
        let own: Vec<Role> = Role::ALL.iter().copied().filter(hands).collect();
        let mut entries = vec![entry(class, own)];
        if let Some(next) = class.next().filter(|_| self.climbs) {
            entries.push(entry(next, vec![Role::Executor]));
        }
        if let Some(head) = self.head {
            match entries.iter_mut().find(|entry| entry.name == head.name()) {
                Some(known) => known.roles.extend(heads),
                None => entries.push(entry(head, heads.to_vec())),
            }
        }
        entries
    }
}
