//! Break-glass: access at once to whom policy names, in place of the approvers, and the review afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broker, Error, Intent, ask::Way, facts::Question, refused_attempts::attempted_on};
use crate::{
    domain::{
        Attempted, Command, GroupName, Human, Person, PlannedReview, Refusal, Request, RequestId,
        RuleId, Ruling, Scope, Standing, UserId, decide,
    },
    policy::Action,
    store::DecidedOn,
};

/// How many open reviews are read at most for a list.
const LISTED: usize = 30;

/// What is open for review.
#[derive(Debug, Clone, Default)]
pub struct OpenReviews {
    /// The requests, those that wait longest first.
    pub requests: Vec<Request>,
    /// How many more there are.
    pub others: usize,
}

/// What a person's Home shows of reviews.
#[derive(Debug, Clone, Default)]
pub struct ReviewsToSignOff {
    /// What others took by break-glass and this person has not signed off, oldest first.
    pub requests: Vec<Request>,
    /// How many more may be open.
    pub others: usize,
    /// Whether they are in a reviewer group. Administrators who are not only see what is open.
    pub is_reviewer: bool,
}

impl Broker {
    /// Asks and grants at once, by break-glass. It replaces the approvers and nothing else: whoever uses it must
    /// be allowed to request and to receive the scope, and every lock, limit and rule holds. Asked twice with
    /// the same key, the second answer is the first request.
    ///
    /// # Errors
    ///
    /// Why not; nothing was written.
    pub async fn break_glass(&self, ask: super::Ask) -> Result<Request, Error> {
        self.ask_by(ask, Way::BreakGlass).await
    }

    /// The rule that lets this person use break-glass, and the review that follows.
    pub(super) async fn may_break_glass(
        &self,
        scope: &Scope,
        requester: &Person,
        question: &Question<'_>,
    ) -> Result<(RuleId, PlannedReview), Error> {
        let unavailable = || Refusal::NoBreakGlass(scope.id.clone());
        let settings = self.parts.limits.break_glass.as_ref();
        let settings = settings.filter(|_| scope.break_glass);
        let settings = settings.ok_or_else(unavailable)?;
        let rules = self.authorize(Action::BreakGlass, requester, question);
        let rules = rules.map_err(|refusal| match refusal {
            // Nothing permits it.
            Refusal::Forbidden(rulings) if rulings.is_empty() => unavailable(),
            refusal => refusal,
        })?;
        let rule = rules.into_iter().next().ok_or_else(unavailable)?;
        self.authorize(Action::Receive, requester, question)?;
        let unreviewed = self.ask_people(|people| people.unreviewed(&requester.human));
        if let Some((id, since)) = unreviewed.await?
            && settings.block_unreviewed_after.after(since) <= self.now()
        {
            return Err(Refusal::ReviewOverdue { id, since }.into());
        }
        let review = PlannedReview {
            reviewers: settings.reviewers.clone(),
            channel: settings.channel.clone(),
        };
        Ok((rule, review))
    }

    /// Signs off what was taken by break-glass.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn sign_off(
        &self,
        intent: &Intent,
        id: RequestId,
        note: &str,
    ) -> Result<Request, Error> {
        self.settle(Some(intent), id, async |request| {
            let (command, decided_on) = self.signing_off(intent, &request, note).await?;
            let change = self.change_alone(intent, Attempted::Review, &request, command);
            let (after, mut commit) = change?;
            commit.decided_on = Some(decided_on);
            Ok((after, commit))
        })
        .await
    }

    /// Whether this person could sign it off now: asked before they are asked for a note.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_sign_off(&self, intent: &Intent, id: RequestId) -> Result<Request, Error> {
        let request = self.load_unchanged(id).await?.request;
        let (command, _) = self.signing_off(intent, &request, "a note").await?;
        let decided = decide(&request, command, self.now());
        self.noted(intent, Attempted::Review, &request, decided)?;
        Ok(request)
    }

    /// What is open for review, for reviewers and administrators.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotAReviewer`], [`Error::Facts`], or the store's trouble.
    pub async fn open_reviews(&self, by: &UserId) -> Result<OpenReviews, Error> {
        self.member_of(by, &self.who_see_reviews()).await?;
        let ids = self.ask_people(|people| people.reviews()).await?;
        let mut reviews = OpenReviews {
            others: ids.len().saturating_sub(LISTED),
            ..OpenReviews::default()
        };
        for id in ids.into_iter().take(LISTED) {
            let request = self.load(id).await?.request;
            if request.review.as_ref().is_some_and(|it| it.is_open()) {
                reviews.requests.push(request);
            }
        }
        Ok(reviews)
    }

    /// The oldest open reviews of what others took, at most `limit`, which this person has not signed off yet;
    /// nothing if they are neither a reviewer nor an administrator, or may not sign off now.
    ///
    /// # Errors
    ///
    /// [`Refusal::GroupsUnavailable`] or [`Error::Facts`] if it is not known who they are, or the store's
    /// trouble.
    pub async fn reviews_to_sign_off(
        &self,
        by: &UserId,
        limit: usize,
    ) -> Result<Option<ReviewsToSignOff>, Error> {
        let Some(settings) = &self.parts.limits.break_glass else {
            return Ok(None);
        };
        let person = match self.member_of(by, &self.who_see_reviews()).await {
            Ok(person) => person,
            Err(Error::Refused(
                Refusal::NotAReviewer | Refusal::Forbidden(_) | Refusal::NoDeciderEmail,
            )) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut reviews = ReviewsToSignOff {
            is_reviewer: !person.groups.is_disjoint(&settings.reviewers),
            ..ReviewsToSignOff::default()
        };
        let ids = self.ask_people(|people| people.reviews()).await?;
        let mut ids = ids.into_iter();
        for id in ids.by_ref().take(LISTED) {
            let request = self.load(id).await?.request;
            if is_to_be_signed_off(&request, &person.human) {
                reviews.requests.push(request);
            }
            if reviews.requests.len() == limit {
                break;
            }
        }
        reviews.others = ids.len();
        Ok(Some(reviews))
    }

    /// The groups whose members see what is open for review: reviewers and administrators.
    fn who_see_reviews(&self) -> BTreeSet<GroupName> {
        let mut groups = self.parts.administrators.clone();
        let settings = self.parts.limits.break_glass.iter();
        groups.extend(settings.flat_map(|settings| settings.reviewers.iter().cloned()));
        groups
    }

    /// What this person took by break-glass, and is open for review since the longest.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn unreviewed(&self, person: &Person) -> Result<Option<Request>, Error> {
        let human = &person.human;
        let unreviewed = self.ask_people(|people| people.unreviewed(human)).await?;
        match unreviewed {
            Some((id, _)) => Ok(Some(self.load(id).await?.request)),
            None => Ok(None),
        }
    }

    async fn signing_off(
        &self,
        intent: &Intent,
        request: &Request,
        note: &str,
    ) -> Result<(Command, DecidedOn), Error> {
        let seq = self.begin_decision().await?;
        let Some(review) = &request.review else {
            return Err(Refusal::NoReview.into());
        };
        let settings = self.parts.limits.break_glass.as_ref();
        let reviewers = settings.map_or(&review.reviewers, |settings| &settings.reviewers);
        let by = intent.by();
        let person = self.member_of(by, reviewers).await;
        let person = person.inspect_err(|error| {
            if let Error::Refused(refusal) = error {
                let on = attempted_on(request);
                self.note_refused(intent, Attempted::Review, on, refusal);
            }
        })?;
        // Who was somebody else when it was recorded may turn out to be the same person.
        let requester = self.person(&request.requester, None).await?;
        let requester = request.human.clone().with(&requester.human);
        let mut earlier = BTreeMap::new();
        for given in &review.sign_offs {
            let reviewer = self.person(&given.by, None).await?;
            let human = given.human.clone().with(&reviewer.human);
            earlier.insert(given.by.clone(), human);
        }
        let mut people = vec![requester.clone(), person.human.clone()];
        people.extend(earlier.values().cloned());
        self.check_people(&people).await?;
        let command = Command::SignOff {
            by: by.clone(),
            human: person.human,
            requester,
            earlier,
            note: note.to_owned(),
        };
        let decided_on = DecidedOn {
            seq,
            people,
            ..DecidedOn::default()
        };
        Ok((command, decided_on))
    }

    /// Who this is, on fresh facts: a full member who is in one of these groups, is not locked and has an
    /// address that counts.
    async fn member_of(&self, by: &UserId, groups: &BTreeSet<GroupName>) -> Result<Person, Error> {
        let asked: BTreeSet<&GroupName> = groups.iter().collect();
        let mut person = self.parts.directory.person(by, &asked).await?;
        self.note_groups(&asked, &person.unknown_groups);
        person.human = self.known(person.human).await?;
        let human: &Human = &person.human;
        let forbidden = |rule: &str| {
            let rule = RuleId::new(rule);
            let reason = self.parts.policy.reason(&rule).unwrap_or_default();
            let reason = reason.to_owned();
            Refusal::Forbidden(vec![Ruling { rule, reason }])
        };
        if person.standing != Standing::Member {
            return Err(forbidden("members-only").into());
        }
        if person.groups.is_disjoint(groups) {
            return Err(match person.unknown_groups.is_empty() {
                true => Refusal::NotAReviewer,
                false => {
                    Refusal::GroupsUnavailable(person.unknown_groups.keys().cloned().collect())
                }
            }
            .into());
        }
        if self.locks().await?.iter().any(|lock| lock.is_of(human)) {
            return Err(forbidden("locked-approver").into());
        }
        self.check_decider_email(&person)?;
        Ok(person)
    }
}

/// Whether this person could still sign off what somebody else took by break-glass.
fn is_to_be_signed_off(request: &Request, human: &Human) -> bool {
    let Some(review) = request.review.as_ref().filter(|review| review.is_open()) else {
        return false;
    };
    let mut signed = review.sign_offs.iter();
    !human.is(&request.human)
        && !signed.any(|it| Human::new(&it.by, None).with(&it.human).is(human))
}
