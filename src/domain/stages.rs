//! Approval in stages: one approval from each stage, each by another human.

use std::collections::BTreeSet;

use super::GroupName;

/// The groups of a stage: a member of any of them can approve it.
pub type Stage = BTreeSet<GroupName>;

/// The most stages that a scope has.
pub const MOST_STAGES: usize = 8;

/// Which approver fills which stage. Each approver fills one; an approver who can fill several makes room
/// for another where that helps.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Who fills each stage, by the order in which they were added. Approvals that are needed beyond the
    /// stages have places behind them, which everybody can fill.
    filled_by: Vec<Option<usize>>,
    /// What each approver can fill.
    able: Vec<BTreeSet<usize>>,
}

impl Assignment {
    /// Nobody has approved yet. Without stages, everybody can fill each of the `needed` places.
    pub fn new(stages: &[Stage], needed: u8) -> Self {
        Self {
            filled_by: vec![None; stages.len().max(needed.into())],
            able: Vec::new(),
        }
    }

    /// The approvals that were given to these stages, by the groups of each approver.
    pub fn of<'a>(
        stages: &[Stage],
        needed: u8,
        approvers: impl Iterator<Item = BTreeSet<&'a GroupName>>,
    ) -> Self {
        let mut assignment = Self::new(stages, needed);
        for groups in approvers {
            // Who fills no stage still takes a number, so that the numbers are those of `approvers`.
            if !assignment.add(stages, &able(stages, &groups)) {
                assignment.able.push(BTreeSet::new());
            }
        }
        assignment
    }

    /// Adds an approver who can fill the stages with these numbers. Answers whether they fill one; if not,
    /// nothing changes. Where there are no stages, an approval more than is needed counts too.
    pub fn add(&mut self, stages: &[Stage], able: &BTreeSet<usize>) -> bool {
        let everybodys = stages.len()..self.filled_by.len();
        self.able
            .push(able.iter().copied().chain(everybodys).collect());
        let fills = self.place(self.able.len() - 1, &mut BTreeSet::new());
        if !fills && !stages.is_empty() {
            self.able.pop();
            return false;
        }
        true
    }

    /// Finds a stage for this approver; those who fill one move on to another if they have to.
    fn place(&mut self, approver: usize, tried: &mut BTreeSet<usize>) -> bool {
        for stage in self.able[approver].clone() {
            if stage >= self.filled_by.len() || !tried.insert(stage) {
                continue;
            }
            let is_free = match self.filled_by[stage] {
                None => true,
                Some(other) => self.place(other, tried),
            };
            if is_free {
                self.filled_by[stage] = Some(approver);
                return true;
            }
        }
        false
    }

    /// Who fills each stage, by the order in which they were added; nobody where it is open.
    pub fn filled_by(&self) -> &[Option<usize>] {
        &self.filled_by
    }

    /// Whether all stages are filled.
    pub fn is_complete(&self) -> bool {
        self.filled_by.iter().all(Option::is_some)
    }

    /// The stages that nobody fills.
    pub fn open(&self, stages: &[Stage]) -> Vec<Stage> {
        let each = stages.iter().zip(&self.filled_by);
        each.filter(|(_, by)| by.is_none())
            .map(|(stage, _)| stage.clone())
            .collect()
    }
}

/// The numbers of the stages that a member of these groups can fill.
pub fn able(stages: &[Stage], groups: &BTreeSet<&GroupName>) -> BTreeSet<usize> {
    let of = |stage: &Stage| stage.iter().any(|group| groups.contains(group));
    let each = stages.iter().enumerate();
    each.filter(|(_, stage)| of(stage))
        .map(|(number, _)| number)
        .collect()
}

/// The stages of a request that waits while those of its scope change from `old` to `new`: whoever satisfies
/// them satisfies both.
pub fn stricter(old: &[Stage], new: &[Stage]) -> Vec<Stage> {
    let mut stages = new.to_vec();
    let mut taken = BTreeSet::new();
    let mut left: Vec<&Stage> = old.iter().collect();
    let covers: [fn(&Stage, &Stage) -> bool; 2] = [Stage::eq, Stage::is_subset];
    for covers in covers {
        left.retain(|stage| {
            let mut numbered = new.iter().enumerate();
            let by = numbered.find(|(number, it)| !taken.contains(number) && covers(it, stage));
            by.is_none_or(|(number, _)| !taken.insert(number))
        });
    }
    stages.extend(left.into_iter().cloned());
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(names: &[&[&str]]) -> Vec<Stage> {
        let stage = |names: &&[&str]| names.iter().map(|name| GroupName::new(*name)).collect();
        names.iter().map(stage).collect()
    }

    fn fills(stages: &[Stage], approvers: &[&[usize]]) -> Vec<bool> {
        let mut assignment = Assignment::new(stages, 0);
        let each = approvers.iter();
        each.map(|able| assignment.add(stages, &able.iter().copied().collect()))
            .collect()
    }

    #[test]
    fn an_approver_in_two_groups_makes_room_for_one_who_is_in_one() {
        let two = stages(&[&["dba"], &["security"]]);
        assert_eq!(fills(&two, &[&[0, 1], &[0]]), [true, true]);
        assert_eq!(fills(&two, &[&[0, 1], &[1]]), [true, true]);
        assert_eq!(fills(&two, &[&[0], &[0]]), [true, false]);
        assert_eq!(fills(&two, &[&[]]), [false]);
    }

    #[test]
    fn the_stages_that_stay_open_are_known() {
        let two = stages(&[&["dba"], &["security", "leads"]]);
        let mut assignment = Assignment::new(&two, 2);
        assert!(assignment.add(&two, &BTreeSet::from([0])));
        assert_eq!(assignment.open(&two), stages(&[&["security", "leads"]]));
        assert!(!assignment.is_complete());
        assert!(assignment.add(&two, &BTreeSet::from([1])));
        assert!(assignment.is_complete());
    }

    #[test]
    fn approvals_beyond_the_stages_are_anybodys() {
        let one = stages(&[&["dba"]]);
        let mut assignment = Assignment::new(&one, 2);
        assert!(assignment.add(&one, &BTreeSet::new()));
        assert!(!assignment.add(&one, &BTreeSet::new()));
        assert!(assignment.add(&one, &BTreeSet::from([0])));
        assert!(assignment.is_complete());
    }

    #[test]
    fn stages_that_change_only_become_stricter() {
        let dba = stages(&[&["dba"]]);
        let both = stages(&[&["dba"], &["security", "leads"]]);
        let narrower = stages(&[&["dba"], &["security"]]);
        assert_eq!(stricter(&[], &both), both);
        assert_eq!(stricter(&both, &[]), both);
        assert_eq!(stricter(&both, &narrower), narrower);
        let widened = stricter(&narrower, &both);
        assert_eq!(
            widened,
            stages(&[&["dba"], &["security", "leads"], &["security"]])
        );
        assert_eq!(stricter(&both, &dba).len(), 2);
        // What is strict enough already does not change again.
        assert_eq!(stricter(&widened, &both), widened);
    }
}
