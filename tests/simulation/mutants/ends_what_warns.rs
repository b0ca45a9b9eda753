//! Whoever leaves a group loses what they hold, whatever the scope says of it. Breaks promise 7:
//! leaving a group ends access by default, and only warns where that is chosen.

use keylend::domain::{Catalogue, OnLeave};

use super::Mutant;

pub(super) struct EndsWhatWarns;

impl Mutant for EndsWhatWarns {
    fn catalogue(&self, mut catalogue: Catalogue) -> Catalogue {
        for scope in catalogue.values_mut() {
            scope.on_leave = OnLeave::End;
        }
        catalogue
    }
}
