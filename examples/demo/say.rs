//! What the demo prints.

use std::sync::atomic::{AtomicUsize, Ordering};

static STEP: AtomicUsize = AtomicUsize::new(1);

pub fn step(text: &str) {
    let number = STEP.fetch_add(1, Ordering::Relaxed);
    println!("\n{number:>2}  {text}");
}

pub fn typed(text: &str) {
    println!("      > {text}");
}

pub fn slack(place: &str, text: &str) {
    for line in text.lines() {
        println!("      {place} | {}", plain(line));
    }
}

pub fn note(text: &str) {
    println!("    {text}");
}

/// The signs of our messages, as a terminal shows them.
const SIGNS: [(&str, &str); 10] = [
    (":white_check_mark:", "✔"),
    (":hourglass_flowing_sand:", "⏳"),
    (":hourglass:", "⌛"),
    (":large_green_circle:", "●"),
    (":large_orange_circle:", "▲"),
    (":red_circle:", "▲"),
    (":alarm_clock:", "⏰"),
    (":lock:", "✖"),
    (":no_entry:", "✖"),
    (":x:", "✖"),
];

/// Slack's markup as Slack would show it, in words.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, markup)) = rest.split_once('<') {
        let Some((inside, after)) = markup.split_once('>') else {
            break;
        };
        shown.push_str(before);
        shown.push_str(&word(inside));
        rest = after;
    }
    shown.push_str(rest);
    for (code, sign) in SIGNS {
        shown = shown.replace(code, sign);
    }
    shown
        .replace(['\u{200b}', '*'], "")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn word(inside: &str) -> String {
    if let Some(id) = inside.strip_prefix('@') {
        let name = crate::stage::PEOPLE.iter().find(|(_, known)| *known == id);
        return name.map_or_else(|| format!("@{id}"), |(name, _)| format!("@{name}"));
    }
    match (inside.strip_prefix("!date^"), inside.rsplit_once('|')) {
        (Some(_), Some((_, fallback))) => fallback.to_owned(),
        (_, Some((_, label))) => label.to_owned(),
        _ => inside.to_owned(),
    }
}
