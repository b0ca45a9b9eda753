//! What has stages is approved by as many of the approvers as there are stages, whichever they are of.
//! Breaks promise 1: each stage takes one approval of its own.

use keylend::domain::Catalogue;

use super::Mutant;

pub(super) struct ForgetsStages;

impl Mutant for ForgetsStages {
    fn catalogue(&self, mut catalogue: Catalogue) -> Catalogue {
        for scope in catalogue.values_mut() {
            scope.stages.clear();
        }
        catalogue
    }
}
