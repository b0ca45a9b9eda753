//! Some requests' work is never found to be due. Breaks promise 6: every request settles, and
//! promise 4: what has ended is taken back.

use keylend::domain::RequestId;

use super::Mutant;

pub(super) struct ForgetsWork;

impl Mutant for ForgetsWork {
    fn forgets(&self, id: RequestId) -> bool {
        id.to_string().ends_with(['0', '1', '2', '3'])
    }
}
