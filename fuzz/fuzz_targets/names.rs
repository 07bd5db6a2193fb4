//! Templates and keys: a mistake is pointed at, what is understood is rendered as it stands there,
//! and no name leads out of its prefix.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use spillway_core::internals::{Facts, Names, Template, Uuid};
use spillway_core::{Settings, Timestamp};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    prefix: &'a str,
    template: Written<'a>,
    key: &'a str,
    other_key: &'a str,
    first: u64,
    other_first: u64,
    at: u64,
    number: u64,
}

#[derive(Arbitrary, Debug)]
enum Written<'a> {
    /// As it comes: seldom a template.
    Any(&'a str),
    /// Piece by piece: nearly always one.
    Pieces(Vec<Piece<'a>>),
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Text(&'a str),
    Slash,
    Dot,
    Hyphen,
    Key,
    First(u8),
    Sequence(u8),
    Day,
    Seconds,
    Uuid,
}

fuzz_target!(|case: Case| {
    let template = match &case.template {
        Written::Any(text) => (*text).to_owned(),
        Written::Pieces(pieces) => pieces.iter().map(Piece::written).collect(),
    };
    if let Err(message) = Template::parse(&template) {
        return pointed(&message);
    }
    let mut config = json!({"bucket": "bucket", "key_template": template});
    if !case.prefix.is_empty() {
        config["prefix"] = json!(case.prefix);
    }
    let Ok(settings) = Settings::parse(&config.to_string()) else { return };
    let names = settings.names;
    let Some(name) = name(&names, &case, case.key, case.first) else { return };
    if let Written::Pieces(pieces) = &case.template {
        let rendered: String = pieces.iter().map(|piece| piece.rendered(&case)).collect();
        assert_eq!(name, format!("{}{rendered}", case.prefix));
    }
    // Another object has another position, and then no name is the same.
    let has_first = template.contains("{first") && !template.contains("{{first");
    if has_first && case.first != case.other_first {
        let other = self::name(&names, &case, case.other_key, case.other_first);
        assert_ne!(Some(name), other);
    }
});

/// Three lines, the last of which is a caret below the second.
fn pointed(message: &str) {
    let lines: Vec<_> = message.split('\n').collect();
    let [said, shown, caret] = lines[..] else { panic!("{message:?}") };
    assert!(!said.is_empty() && !message.replace('\n', "").contains(char::is_control));
    let columns = caret.chars().count();
    assert!(caret.ends_with('^') && caret.trim() == "^", "{message:?}");
    assert!(columns <= shown.chars().count() + 1, "{message:?}");
}

fn name(names: &Names, case: &Case, key: &str, first: u64) -> Option<String> {
    let stem =
        names.stem(&Facts { key, first, at: Timestamp(case.at), uuid: Uuid(u128::from(first)) });
    let stem = match stem {
        Ok(stem) => stem,
        Err(reason) => {
            assert!(!reason.is_empty());
            return None;
        }
    };
    let name = stem.name(case.number);
    assert!((1..=1_024).contains(&name.len()), "{name:?}");
    assert!(name.starts_with(&names.prefix));
    assert_eq!(stem.name(case.number ^ 1) != name, stem.is_numbered());
    if !names.prefix.is_empty() {
        confined(&name[names.prefix.len()..]);
    }
    Some(name)
}

/// Whoever takes the name for a path never comes above where the prefix led.
fn confined(rest: &str) {
    for separators in [&['/'][..], &['/', '\\']] {
        let mut depth = 0;
        for (index, segment) in rest.split(separators).enumerate() {
            assert!(index > 0 || !segment.is_empty(), "{rest:?} begins at the root");
            match segment {
                "" | "." => {}
                ".." => depth -= 1,
                _ => depth += 1,
            }
            assert!(depth >= 0, "{rest:?}");
        }
    }
}

impl Piece<'_> {
    fn written(&self) -> String {
        match self {
            Piece::Text(text) => text.replace('{', "{{").replace('}', "}}"),
            Piece::Slash => "/".to_owned(),
            Piece::Dot => ".".to_owned(),
            Piece::Hyphen => "-".to_owned(),
            Piece::Key => "{key}".to_owned(),
            Piece::First(width) => format!("{{first:0{}}}", width % 20 + 1),
            Piece::Sequence(width) => format!("{{sequence:0{}}}", width % 20 + 1),
            Piece::Day => "{date:%Y/%j}".to_owned(),
            Piece::Seconds => "{date:%s%%}".to_owned(),
            Piece::Uuid => "{uuid}".to_owned(),
        }
    }

    fn rendered(&self, case: &Case) -> String {
        let padded =
            |number: u64, width: &u8| format!("{number:0>0$}", usize::from(width % 20 + 1));
        let seconds = case.at / 1_000_000_000;
        match self {
            Piece::Text(text) => (*text).to_owned(),
            Piece::Slash => "/".to_owned(),
            Piece::Dot => ".".to_owned(),
            Piece::Hyphen => "-".to_owned(),
            Piece::Key => case.key.to_owned(),
            Piece::First(width) => padded(case.first, width),
            Piece::Sequence(width) => padded(case.number, width),
            Piece::Day => {
                let (mut year, mut day) = (1970, seconds / 86_400);
                let days = |year: u64| {
                    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                    365 + u64::from(leap)
                };
                while day >= days(year) {
                    day -= days(year);
                    year += 1;
                }
                format!("{year:04}/{:03}", day + 1)
            }
            Piece::Seconds => format!("{seconds}%"),
            Piece::Uuid => format!(
                "00000000-0000-0000-{:04x}-{:012x}",
                case.first >> 48,
                case.first & 0xFFFF_FFFF_FFFF
            ),
        }
    }
}
