//! What was measured, and the tables of it.

use serde::Serialize;

use crate::role::Taken;

/// One workload.
#[derive(Serialize)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What is measured, as one paragraph.
    pub about: String,
    /// What its runs are measured in.
    pub unit: Unit,
    /// What was compared.
    pub cases: Vec<Case>,
}

/// What a run is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Unit {
    /// MiB a second: more is better.
    Rate,
    /// Objects a second: more is better.
    Objects,
    /// Records a second: more is better.
    Records,
    /// Seconds: less is better.
    Seconds,
    /// Percent of a core: less is better.
    Share,
    /// Bytes of a file. There are no rounds of it.
    Bytes,
}

/// Sides that do the same, or nearly.
#[derive(Serialize)]
pub struct Case {
    /// What is the same.
    pub name: String,
    /// The first is the one that others are compared to.
    pub sides: Vec<Side>,
}

/// All runs of one side, in the order of the rounds.
#[derive(Serialize)]
pub struct Side {
    /// Who, or what is different.
    pub name: String,
    /// In the unit of the section.
    pub values: Vec<f64>,
    /// What each run took, where something ran.
    pub taken: Vec<Taken>,
}

impl Section {
    /// Heading, paragraph and table, as Markdown.
    pub fn markdown(&self) -> String {
        let Section { title, about, .. } = self;
        format!("### {title}\n\n{about}\n\n{}", self.table())
    }

    fn table(&self) -> String {
        let (head, rule) = match self.unit {
            Unit::Bytes => ("", ""),
            _ => (" Ratio | CPU time | Peak memory |", "---|---|---|"),
        };
        let unit = match self.unit {
            Unit::Rate => "MiB/s",
            Unit::Objects => "Objects/s",
            Unit::Records => "Records/s",
            Unit::Share => "Percent of a core",
            Unit::Seconds => "Seconds",
            Unit::Bytes => "Bytes",
        };
        let mut table = format!("| What | Who | {unit} |{head}\n|---|---|---|{rule}\n");
        for case in &self.cases {
            let mut name = case.name.as_str();
            for side in &case.sides {
                let value = self.unit.text(median(side.values.clone()));
                table.push_str(&format!("| {name} | {} | {value} |", side.name));
                if self.unit != Unit::Bytes {
                    table.push_str(&format!(" {} |", self.ratio(case, side)));
                    let of = |field: fn(&Taken) -> f64| median(side.taken.iter().map(field));
                    let (cpu, peak) = (of(|t| t.cpu_seconds), of(|t| t.peak_bytes as f64));
                    table.push_str(&format!(" {cpu:.2} s | {:.0} MiB |", peak / MIB));
                }
                table.push('\n');
                name = "";
            }
        }
        table
    }

    /// How many times as fast the first side is: the median over the rounds. Runs of one round are
    /// compared with each other, so what slows a machine down for a while hits both.
    fn ratio(&self, case: &Case, side: &Side) -> String {
        let first = &case.sides[0];
        if std::ptr::eq(first, side) {
            return String::new();
        }
        let pairs = first.values.iter().zip(&side.values);
        let ratios = pairs.map(|(first, other)| match self.unit {
            Unit::Seconds | Unit::Share => other / first,
            _ => first / other,
        });
        format!("{:.2}", median(ratios))
    }
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Unit::Rate | Unit::Objects | Unit::Records | Unit::Bytes => grouped(value),
            Unit::Seconds => format!("{value:.3}"),
            Unit::Share => format!("{value:.2}"),
        }
    }
}

/// The middle one, or the mean of the two in the middle; NaN of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let (half, count) = (values.len() / 2, values.len());
    match count {
        0 => f64::NAN,
        _ if count % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

/// A number without a fraction, with a comma before each three digits.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes.
pub const MIB: f64 = 1_048_576.0;
