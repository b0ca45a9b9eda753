//! Deliveries that no person makes: bodies of a test's own, and repetitions.

use crate::{
    delivery::{Delivery, Outgoing, Retry},
    post::Signing,
    sim::Sim,
};

impl Sim {
    /// Posts an arbitrary body to the app, over HTTP only. `headers` may bring a `content-type`,
    /// default `application/x-www-form-urlencoded`.
    pub async fn raw(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<String>,
        signing: Signing,
    ) -> Delivery {
        let mut outgoing = Outgoing::raw(path, body.into(), signing);
        let post = &mut outgoing.post;
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("content-type") {
                post.content_type = (*value).to_owned();
            } else {
                let header = ((*name).to_owned(), (*value).to_owned());
                post.headers.push(header);
            }
        }
        self.inner.deliver(outgoing).await
    }

    /// Delivers the same payload again, freshly signed or in a new envelope: a redelivery, or a
    /// double click. Of `headers`, only those of a retry have a meaning over a socket.
    pub async fn redeliver(&self, delivery: &Delivery, headers: &[(&str, &str)]) -> Delivery {
        let mut outgoing = Outgoing::again(delivery);
        let mut retry = Retry::default();
        for (name, value) in headers {
            match (name.to_ascii_lowercase().as_str(), value.parse()) {
                ("x-slack-retry-num", Ok(number)) => retry.number = number,
                ("x-slack-retry-reason", _) => retry.reason = (*value).to_owned(),
                _ => {
                    let header = ((*name).to_owned(), (*value).to_owned());
                    outgoing.post.headers.push(header);
                }
            }
        }
        outgoing.retry = (retry.number > 0).then_some(retry);
        self.inner.deliver(outgoing).await
    }
}
