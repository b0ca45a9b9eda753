//! What happened, in lines that a person can read: the same for the same seed, to the letter.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use crate::seed::VirtualClock;

/// One history as it is told.
pub(crate) struct Story {
    clock: VirtualClock,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    broken: Option<Broken>,
}

/// A promise that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Its number in the list of promises.
    pub(crate) promise: u8,
    /// What was found.
    pub(crate) found: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "promise {} is broken: {}", self.promise, self.found)
    }
}

/// Promise `promise` is broken, unless `holds`.
pub(crate) fn promised(
    promise: u8,
    holds: bool,
    found: impl FnOnce() -> String,
) -> Result<(), Broken> {
    match holds {
        true => Ok(()),
        false => Err(Broken {
            promise,
            found: found(),
        }),
    }
}

impl Story {
    pub(crate) fn new(clock: VirtualClock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            told: Mutex::default(),
        })
    }

    pub(crate) fn tell(&self, line: impl fmt::Display) {
        let at = self.clock.elapsed().as_secs_f64();
        let line = format!("{at:9.3}  {line}");
        self.told.lock().unwrap().lines.push(line);
    }

    /// Notes the first promise that was broken.
    pub(crate) fn check(&self, result: Result<(), Broken>) {
        if let Err(broken) = result {
            self.tell(format_args!("!! {broken}"));
            self.told.lock().unwrap().broken.get_or_insert(broken);
        }
    }

    pub(crate) fn broken(&self) -> Option<Broken> {
        self.told.lock().unwrap().broken.clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.told.lock().unwrap().lines.clone()
    }
}
