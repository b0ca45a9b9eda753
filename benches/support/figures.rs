//! How figures are said: a line each on the screen, and a line each for the table that
//! `benches/run.sh` keeps, where `KEYLEND_FIGURES` names its file.

#![allow(clippy::print_stdout, reason = "figures are printed")]

use std::{
    fmt::Display,
    fs::OpenOptions,
    io::Write as _,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

/// One part of a benchmark.
pub type Measure = fn(&Runtime);

/// Runs those parts whose name contains the word behind `--`; without one, all.
pub fn run(parts: &[(&str, Measure)]) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wanted = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with('-'));
    for (name, measure) in parts {
        if wanted
            .as_ref()
            .is_none_or(|word| name.contains(word.as_str()))
        {
            measure(&Runtime::new().unwrap());
        }
    }
}

/// Says something beside the figures.
pub fn note(what: &str, value: impl Display) {
    println!("{what:<72} {value}");
}

/// Says a figure, with its aim where it has one.
pub fn figure(what: &str, aim: &str, value: impl Display) {
    let aimed = if aim.is_empty() {
        String::new()
    } else {
        format!("   (aim: {aim})")
    };
    note(what, format!("{value}{aimed}"));
    if let Some(file) = std::env::var_os("KEYLEND_FIGURES") {
        let file = OpenOptions::new().append(true).create(true).open(file);
        writeln!(file.unwrap(), "{what}|{aim}|{value}").unwrap();
    }
}

/// How long many things took.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort();
        Self(times)
    }

    /// The time that this share of them did not exceed.
    pub fn at(&self, share: f64) -> Duration {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }
}

impl Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (median, p99) = (self.at(0.5), self.at(0.99));
        write!(f, "median {}, p99 {}", brief(median), brief(p99))
    }
}

/// A time in three digits, in milliseconds below a second.
pub fn brief(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        ..10.0 => format!("{millis:.2} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1000.0),
    }
}

/// A number with its thousands apart.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many in the time since `begun`, a second.
pub fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}
