//! The page's files, for the browsers of this machine.

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{control::guard::only_from_here, sim::Inner};

/// No scripts but ours, no frames but pages of this machine.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; \
    frame-src http://127.0.0.1:* http://localhost:*; img-src 'self' data: https:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its files.
pub(crate) fn router(inner: &Arc<Inner>) -> Router {
    Router::new()
        .route("/", get(|| async { file("index.html") }))
        .route(
            "/page/{file}",
            get(|Path(name): Path<String>| async move { file(&name) }),
        )
        .layer(middleware::from_fn_with_state(inner.port, only_from_here))
}

fn file(name: &str) -> Response {
    let found = FILES.iter().find(|(known, _)| *known == name);
    let Some((_, content)) = found else {
        return (StatusCode::NOT_FOUND, "there is no such file").into_response();
    };
    let kind = match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };
    let mut response = (*content).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// The named files of the folder `page`.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../page/", $name)))),*]
    };
}

/// The files, by the name they are asked for.
const FILES: &[(&str, &str)] = files![
    "actions.js",
    "api.js",
    "banner.js",
    "base.css",
    "blocks.css",
    "blocks.js",
    "chat.js",
    "choices.js",
    "clock.js",
    "commands.js",
    "common.css",
    "composer.css",
    "composer.js",
    "confirm.js",
    "controls.css",
    "dates.js",
    "dom.js",
    "elements.js",
    "emoji.js",
    "finder.js",
    "follow.js",
    "form.js",
    "hidden.js",
    "icon.svg",
    "icons.js",
    "index.html",
    "inputs.js",
    "layout.css",
    "main.js",
    "menu.js",
    "messages.css",
    "messages.js",
    "modal.css",
    "modal.js",
    "mrkdwn.js",
    "names.js",
    "options.js",
    "overflow.js",
    "panes.js",
    "people.css",
    "people.js",
    "place.js",
    "places.css",
    "places.js",
    "popover.js",
    "progress.js",
    "reading.js",
    "rich_text.js",
    "scroll.js",
    "select.js",
    "share.js",
    "side.js",
    "store.js",
    "surfaces.js",
    "text.js",
    "thread.js",
    "tour.css",
    "tour.js",
    "unread.js",
    "unsupported.js",
    "url.js",
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let there = fs::read_dir(folder).unwrap();
        let mut there: BTreeSet<String> = there
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        // It tells Node what the modules are; no browser asks for it.
        there.remove("package.json");
        let served = FILES.iter().map(|(name, _)| (*name).to_owned());
        assert_eq!(served.collect::<BTreeSet<_>>(), there);
    }
}
