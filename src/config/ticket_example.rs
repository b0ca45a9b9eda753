//! An example of what a pattern of tickets matches, for people who don't read patterns.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest example, in characters.
const LONGEST: usize = 40;

/// What letters and digits are taken from, in turn.
const LETTERS: &str = "INC";
const DIGITS: &str = "4211";

/// A ticket that `pattern` matches, such as `INC-4211`; nothing if the pattern is not as simple as
/// that.
pub(super) fn of(pattern: &Regex) -> Option<String> {
    let hir = regex_syntax::parse(pattern.as_str()).ok()?;
    let mut example = String::new();
    write(&hir, &mut example)?;
    let has_digit = example.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && pattern.is_match(&example)).then_some(example)
}

fn write(hir: &Hir, example: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => example.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => example.push(pick(class, example)?),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let usual = match repetition.sub.kind() {
                _ if most == 1 => 0,
                HirKind::Class(class) if !has(class, 'I') => 4,
                _ => 3,
            };
            for _ in 0..usual.clamp(repetition.min, most) {
                write(&repetition.sub, example)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, example)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, example))?,
        HirKind::Alternation(parts) => write(parts.first()?, example)?,
    }
    (example.len() <= LONGEST).then_some(())
}

/// The next letter or digit of the class: a capital if there may be one.
fn pick(class: &Class, example: &str) -> Option<char> {
    let next = |of: &str, is: fn(&char) -> bool| {
        let before = example.chars().filter(is).count();
        let next = of.chars().nth(before % of.len());
        next.filter(|next| has(class, *next))
    };
    next(LETTERS, char::is_ascii_uppercase)
        .or_else(|| next(DIGITS, char::is_ascii_digit))
        .or_else(|| next(&LETTERS.to_lowercase(), char::is_ascii_lowercase))
}

fn has(class: &Class, character: char) -> bool {
    match class {
        Class::Unicode(class) => {
            let mut ranges = class.iter();
            ranges.any(|range| (range.start()..=range.end()).contains(&character))
        }
        Class::Bytes(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_pattern_has_an_example() {
        for (pattern, example) in [
            ("^INC-[0-9]+$", Some("INC-4211")),
            (r"^INC-\d{6}$", Some("INC-421142")),
            ("^(INC|CHG)[0-9]{7}$", Some("INC4211421")),
            (r"^[A-Z][A-Z0-9]+-\d+$", Some("INCI-4211")),
            ("(?i)^inc-[0-9]+$", Some("INC-4211")),
            ("^[0-9]+$", Some("4211")),
            ("^#?[0-9]{1,5}$", Some("4211")),
            ("^[a-z]{3}[0-9]$", Some("inc4")),
            (".*", None),
            ("^$", None),
            ("^[0-9]{50}$", None),
            (r"^[äöü]\d$", None),
        ] {
            let pattern = Regex::new(pattern).unwrap();
            assert_eq!(of(&pattern).as_deref(), example, "{pattern}");
        }
    }
}
