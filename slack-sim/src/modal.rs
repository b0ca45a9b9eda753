//! Acting as a person within views: filling in, choosing, submitting, closing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    actor::Actor,
    blocks,
    delivery::{Delivery, Outgoing},
    view::View,
    web_api::{MOST_STACKED, check_view, replace_view},
};

/// How many suggested options of an element are remembered; the oldest are forgotten.
const MOST_OFFERED: usize = 1000;

/// What came of pressing submit.
#[derive(Debug, Clone, PartialEq)]
pub enum Submission {
    /// The view closed; one below it, if there is one, shows again.
    Closed,
    /// The view stays and shows these complaints, by `block_id`. They are the app's, or those of
    /// Slack's client, which lets nobody submit a view that lacks a required input.
    Errors(BTreeMap<String, String>),
    /// The view was replaced by this one.
    Updated(View),
    /// This view lies on top now.
    Pushed(View),
    /// All views closed.
    Cleared,
    /// The app's answer was not one that Slack takes: the person sees trouble, the view stays.
    Invalid(String),
    /// The app answered with another status than 200 or too late: the person sees trouble, the
    /// view stays.
    Http {
        /// The status; 0 if no answer came.
        status: u16,
        /// The answer's body, or why there was none.
        body: String,
    },
}

impl Actor {
    /// The modal on top, if one is open.
    pub fn modal(&self) -> Option<View> {
        let stack = |views: &Vec<View>| views.last().cloned();
        self.sim
            .inner
            .read(|state| state.modals.get(&self.id).and_then(stack))
    }

    /// Their App Home.
    pub fn home(&self) -> Option<View> {
        self.sim.home(&self.id)
    }

    #[expect(clippy::expect_used, reason = "documented: a test driver fails loudly")]
    fn top(&self) -> View {
        self.modal().expect("no modal is open")
    }

    /// Fills in one input. A string is text, a date, an id, or the value of an option; an object
    /// is an option; an array is several. An option of an `external_select` must have been
    /// suggested by [`suggest`](Self::suggest) or be given whole. Nothing is sent.
    ///
    /// # Panics
    /// If no modal is open, or it has no such input or option.
    pub fn fill(&self, block_id: &str, action_id: &str, value: impl Into<Value>) {
        self.enter(Some(block_id), action_id, &value.into());
    }

    /// Sets the state of an element in the top view; the view then, and the state value.
    fn enter(&self, block_id: Option<&str>, action_id: &str, value: &Value) -> (View, Value) {
        let mut view = self.top();
        let offered = self.sim.inner.read(|state| state.offered_for(action_id));
        let entered = view.enter(block_id, action_id, value, &offered);
        let entered = entered.unwrap_or_else(|mistake| panic!("{mistake}"));
        let kept = view.clone();
        self.sim
            .inner
            .change(|state, _| replace_view(state, &self.id, kept));
        (view, entered)
    }

    /// Chooses in an element that tells the app at once, by `block_actions`: one outside of an
    /// input block, or in one with `dispatch_action`. `value` is as for [`fill`](Self::fill).
    ///
    /// # Panics
    /// If no modal is open, it has no such element or option, or the element tells nobody.
    pub async fn select(&self, action_id: &str, value: impl Into<Value>) -> Delivery {
        let (view, entered) = self.enter(None, action_id, &value.into());
        let payload = self.sim.inner.change(|state, now| {
            let Some(found) = blocks::find(view.blocks(), action_id, None) else {
                panic!("no {action_id:?}");
            };
            let tells = !found.is_input() || found.block["dispatch_action"] == json!(true);
            assert!(tells, "{action_id:?} tells the app nothing: use fill");
            let action = state.action(&found, None, Some(&entered), now);
            state.view_action(&self.id, &view, action, now)
        });
        self.interact(payload).await
    }

    /// Presses a button in the top modal.
    ///
    /// # Panics
    /// If no modal is open or it has no such button.
    pub async fn press(&self, action_id: &str) -> Delivery {
        self.press_in(&self.top(), action_id, None).await
    }

    /// Presses a button in their App Home.
    ///
    /// # Panics
    /// If nothing was published or it has no such button.
    pub async fn press_home(&self, action_id: &str) -> Delivery {
        #[expect(clippy::expect_used, reason = "documented: a test driver fails loudly")]
        let home = self.home().expect("no App Home was published");
        self.press_in(&home, action_id, None).await
    }

    /// Presses a button of a view as it was when `view` was read, an old copy included; with
    /// `value`, the button that has it.
    ///
    /// # Panics
    /// If the view has no such button.
    pub async fn press_in(&self, view: &View, action_id: &str, value: Option<&str>) -> Delivery {
        let Some(found) = blocks::find(view.blocks(), action_id, value) else {
            let there = view.action_ids();
            panic!("no button {action_id:?} {value:?}; there are {there:?}");
        };
        let payload = self.sim.inner.change(|state, now| {
            let action = state.action(&found, None, None, now);
            state.view_action(&self.id, view, action, now)
        });
        self.interact(payload).await
    }

    /// Types into an `external_select` of the top modal; the options that come back, as text and
    /// value, groups flattened.
    ///
    /// # Panics
    /// If no modal is open or it has no such element.
    pub async fn suggest(&self, action_id: &str, typed: &str) -> Vec<(String, String)> {
        let view = self.top();
        let Some(found) = blocks::find(view.blocks(), action_id, None) else {
            panic!("no {action_id:?}; there are {:?}", view.action_ids());
        };
        let payload = self
            .sim
            .inner
            .read(|state| state.suggestion(&self.id, &view, &found, typed));
        let delivery = self.search(action_id, payload).await;
        let options = blocks::options(&delivery.json());
        let pairs = options.iter().filter(|_| delivery.is_ok()).map(|option| {
            let text = blocks::text(&option["text"], "text");
            (text.to_owned(), blocks::text(option, "value").to_owned())
        });
        pairs.collect()
    }

    /// Asks the app for suggestions, and remembers what it offers: an option that was found by one
    /// search can still be chosen after the next.
    pub(crate) async fn search(&self, action_id: &str, payload: Value) -> Delivery {
        let outgoing = Outgoing::suggestion(payload);
        let delivery = self.sim.inner.deliver(outgoing).await;
        if delivery.is_ok() {
            let options = blocks::options(&delivery.json());
            self.sim.inner.change(|state, _| {
                let known = state.offered.entry(action_id.to_owned()).or_default();
                known.retain(|old| options.iter().all(|new| new["value"] != old["value"]));
                known.splice(0..0, options);
                known.truncate(MOST_OFFERED);
            });
        }
        delivery
    }

    /// Presses submit in the top modal and does what the app answers.
    ///
    /// # Panics
    /// If no modal is open.
    pub async fn submit(&self) -> Submission {
        let unfinished = self.top().unfinished();
        if !unfinished.is_empty() {
            return Submission::Errors(unfinished);
        }
        self.submit_altered(|_| {}).await
    }

    /// Submits whatever is filled in, with the payload altered before it is signed: any forgery.
    ///
    /// # Panics
    /// If no modal is open.
    pub async fn submit_altered(&self, alter: impl FnOnce(&mut Value)) -> Submission {
        self.submit_view(&self.top(), alter).await
    }

    /// Submits one of their views as it is filled in.
    pub(crate) async fn submit_view(
        &self,
        view: &View,
        alter: impl FnOnce(&mut Value),
    ) -> Submission {
        let inner = &self.sim.inner;
        let mut payload = inner.change(|state, now| state.submission(&self.id, view, now));
        alter(&mut payload);
        let delivery = self.interact(payload).await;
        if !delivery.is_ok() {
            return Submission::Http {
                status: delivery.status,
                body: delivery.error.unwrap_or(delivery.body),
            };
        }
        if delivery.body.trim().is_empty() {
            return self.apply(view, &json!({}));
        }
        match serde_json::from_str(&delivery.body) {
            Ok(answer) => self.apply(view, &answer),
            Err(error) => Submission::Invalid(format!("not JSON: {error}: {}", delivery.body)),
        }
    }

    fn apply(&self, view: &View, answer: &Value) -> Submission {
        let action = blocks::text(answer, "response_action");
        let next = &answer["view"];
        if ["update", "push"].contains(&action)
            && let Err(error) = check_view(next)
        {
            return Submission::Invalid(error.to_string());
        }
        self.sim.inner.change(|state, now| {
            let stack = state.modals.get(&self.id).cloned().unwrap_or_default();
            match action {
                "" => {
                    let stack = state.modals.entry(self.id.clone()).or_default();
                    stack.retain(|other| other.id() != view.id());
                    Submission::Closed
                }
                "clear" => {
                    state.modals.remove(&self.id);
                    Submission::Cleared
                }
                "errors" => complaints(view, &answer["errors"]),
                "update" => {
                    let current = stack.iter().find(|other| other.id() == view.id());
                    let before = current.unwrap_or(view);
                    let built = state.build_view(&self.id, next, Some(before), None, now);
                    replace_view(state, &self.id, built.clone());
                    Submission::Updated(built)
                }
                "push" if stack.len() >= MOST_STACKED => {
                    Submission::Invalid("push_limit_reached".to_owned())
                }
                "push" => {
                    let built = state.build_view(&self.id, next, None, stack.last(), now);
                    let stack = state.modals.entry(self.id.clone()).or_default();
                    stack.push(built.clone());
                    Submission::Pushed(built)
                }
                other => Submission::Invalid(format!("unknown response_action {other:?}")),
            }
        })
    }

    /// Closes the top modal; the delivery of `view_closed`, if the view asked for it.
    ///
    /// # Panics
    /// If no modal is open.
    pub async fn close_modal(&self) -> Option<Delivery> {
        self.close_view(&self.top()).await
    }

    /// Closes one of their views and whatever lies on it.
    pub(crate) async fn close_view(&self, view: &View) -> Option<Delivery> {
        let payload = self.sim.inner.change(|state, _| {
            let clears = view.json["clear_on_close"] == json!(true);
            let stack = state.modals.entry(self.id.clone()).or_default();
            let place = stack.iter().position(|other| other.id() == view.id());
            let left = place.filter(|_| !clears).unwrap_or_default();
            stack.truncate(left);
            state.closed(&self.id, view, clears)
        });
        if view.json["notify_on_close"] != json!(true) {
            return None;
        }
        Some(self.interact(payload).await)
    }
}

/// The app's complaints; Slack takes them only for input blocks of the view.
fn complaints(view: &View, errors: &Value) -> Submission {
    let all = blocks::elements(view.blocks());
    let is_input = |id: &str| all.iter().any(|one| one.is_input() && one.block_id() == id);
    let mut complaints = BTreeMap::new();
    for (block_id, message) in errors.as_object().into_iter().flatten() {
        if !is_input(block_id) {
            return Submission::Invalid(format!("no input block {block_id:?} to complain about"));
        }
        let message = message.as_str().unwrap_or_default().to_owned();
        complaints.insert(block_id.clone(), message);
    }
    match complaints.is_empty() {
        true => Submission::Invalid("response_action errors without errors".to_owned()),
        false => Submission::Errors(complaints),
    }
}
