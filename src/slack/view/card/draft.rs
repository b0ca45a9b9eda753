//! A card, or a Home, while it is written: whatever its blocks say, its text says too, since the text is all
//! that a screen reader and a notification have. Nothing in it can pass Slack's limits.

use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement,
    SlackBlockButtonStyle, SlackBlockConfirmItem, SlackBlockMarkDownText, SlackBlockPlainText,
    SlackBlockText, SlackContextBlock, SlackContextBlockElement, SlackHeaderBlock,
    SlackSectionBlock,
};

use crate::slack::{client::Message, rich_text, view::text};

/// The longest text that an update takes is 4,000 characters.
const LONGEST_TEXT: usize = 3_900;

/// The longest text of a section is 3,000 characters.
const LONGEST_SECTION: usize = 2_900;

/// How many sections a quotation may fill.
const QUOTED_SECTIONS: usize = 3;

/// How much of a quotation the text repeats.
const QUOTED_TEXT: usize = 1_200;

/// A card while it is written.
#[derive(Default)]
pub(in crate::slack::view) struct Draft {
    text: Vec<String>,
    length: usize,
    blocks: Vec<SlackBlock>,
}

/// A button, and what a click on it means.
pub(in crate::slack::view) struct Button {
    /// Its `action_id`.
    pub(in crate::slack::view) action: &'static str,
    /// What it says it does.
    pub(in crate::slack::view) label: String,
    /// Whether it is the one to press.
    pub(in crate::slack::view) is_primary: bool,
    /// What Slack asks before it is pressed, for one that is shown as dangerous; at most 300 characters.
    pub(in crate::slack::view) confirm: Option<&'static str>,
}

impl Button {
    pub(in crate::slack::view) fn new(action: &'static str, label: impl Into<String>) -> Self {
        Self {
            action,
            label: label.into(),
            is_primary: false,
            confirm: None,
        }
    }

    pub(in crate::slack::view) fn primary(action: &'static str, label: impl Into<String>) -> Self {
        Self {
            is_primary: true,
            ..Self::new(action, label)
        }
    }

    /// One that is shown as dangerous, with a question before it is pressed.
    pub(in crate::slack::view) fn dangerous(
        action: &'static str,
        label: impl Into<String>,
        confirm: &'static str,
    ) -> Self {
        Self {
            confirm: Some(confirm),
            ..Self::new(action, label)
        }
    }
}

impl Draft {
    /// The title; nothing that people wrote.
    pub(in crate::slack::view) fn title(&mut self, title: &str) {
        let title: String = title.chars().take(150).collect();
        let header = SlackHeaderBlock::new(plain(&title).into());
        self.blocks.push(header.into());
        self.repeat(title);
    }

    /// A sentence or a few, in `mrkdwn`.
    pub(in crate::slack::view) fn say(&mut self, mrkdwn: String) {
        self.section(&mrkdwn);
        self.repeat(mrkdwn);
    }

    /// Short facts, each with its label; at most ten.
    pub(in crate::slack::view) fn facts(&mut self, facts: &[(&str, String)]) {
        let fields: Vec<SlackBlockText> = facts
            .iter()
            .take(10)
            .map(|(label, fact)| match rich_text::plain(fact) {
                Some(typed) => plain(&format!("{label}\n{typed}")).into(),
                None => formatted(&format!("*{label}*\n{fact}")).into(),
            })
            .collect();
        if fields.is_empty() {
            return;
        }
        let section = SlackSectionBlock::new().with_fields(fields);
        self.blocks.push(section.into());
        for (label, fact) in facts {
            self.repeat(format!("{label}: {fact}"));
        }
    }

    /// Somebody's own words, whole unless they are very long.
    pub(in crate::slack::view) fn quote(&mut self, label: &str, words: &str) {
        let pieces = text::pieces(words, LONGEST_SECTION, QUOTED_SECTIONS);
        if pieces.is_empty() {
            return;
        }
        for (index, piece) in pieces.iter().enumerate() {
            let label = (index == 0).then_some(label);
            self.blocks.push(rich_text::quote(label, piece));
        }
        self.repeat(format!("{label}: {}", text::words(words, QUOTED_TEXT)));
    }

    /// As many of somebody's own words as one block takes, for a Home.
    pub(in crate::slack::view) fn quote_in_short(&mut self, words: &str) {
        let pieces = text::pieces(words, LONGEST_SECTION, 1);
        let quotes = pieces.iter().map(|piece| rich_text::quote(None, piece));
        self.blocks.extend(quotes);
    }

    /// What matters least, in small letters; not repeated in the text.
    pub(in crate::slack::view) fn aside(&mut self, mrkdwn: &str) {
        self.asides(&[mrkdwn.to_owned()]);
    }

    /// Several facts that matter least, on one line. A context has no rich text: what somebody typed is
    /// plain text beside the rest.
    pub(in crate::slack::view) fn asides(&mut self, facts: &[String]) {
        let mut elements: Vec<SlackContextBlockElement> = Vec::new();
        let is_typed = |fact: &String| rich_text::plain(fact).is_some();
        for facts in facts.chunk_by(|one, next| !is_typed(one) && !is_typed(next)) {
            let facts = facts.join(" · ");
            elements.push(match rich_text::plain(&facts) {
                Some(typed) => plain(&typed).into(),
                None => formatted(&facts).into(),
            });
        }
        self.blocks.push(SlackContextBlock::new(elements).into());
    }

    /// Buttons, all with the same value: what they were shown for.
    pub(in crate::slack::view) fn buttons(&mut self, value: &str, buttons: Vec<Button>) {
        let elements = buttons.into_iter().map(|button| {
            let label: String = button.label.chars().take(75).collect();
            let style = match (button.is_primary, button.confirm) {
                (_, Some(_)) => Some(SlackBlockButtonStyle::Danger),
                (true, None) => Some(SlackBlockButtonStyle::Primary),
                (false, None) => None,
            };
            let confirm = button.confirm.map(|question| {
                SlackBlockConfirmItem::new(
                    plain("Are you sure?").into(),
                    plain(question).into(),
                    plain(&label).into(),
                    plain("Cancel").into(),
                )
                .with_style("danger".to_owned())
            });
            let element = SlackBlockButtonElement::new(plain(&label).into())
                .with_action_id(button.action.into())
                .with_value(value.to_owned())
                .opt_style(style)
                .opt_confirm(confirm);
            SlackActionBlockElement::from(element)
        });
        self.blocks
            .push(SlackActionsBlock::new(elements.collect()).into());
    }

    fn section(&mut self, mrkdwn: &str) {
        self.blocks.push(match rich_text::block(mrkdwn) {
            Some(typed) => typed,
            None => SlackSectionBlock::new()
                .with_text(formatted(mrkdwn).into())
                .into(),
        });
    }

    pub(in crate::slack::view) fn message(self) -> Message {
        Message {
            text: self.text.join("\n"),
            blocks: self.blocks,
        }
    }

    /// How many blocks there are so far.
    pub(in crate::slack::view) fn count(&self) -> usize {
        self.blocks.len()
    }

    /// The blocks alone: a view has no text beside them.
    pub(in crate::slack::view) fn blocks(self) -> Vec<SlackBlock> {
        self.blocks
    }

    /// Says it in the text too. What no longer fits is left out whole, so that nothing is cut
    /// within a mention or a date.
    fn repeat(&mut self, mrkdwn: String) {
        let length = mrkdwn.encode_utf16().count() + 1;
        if self.length + length <= LONGEST_TEXT {
            self.length += length;
            self.text.push(mrkdwn);
        }
    }
}

fn plain(text: &str) -> SlackBlockPlainText {
    SlackBlockPlainText::new(text.to_owned()).with_emoji(false)
}

/// `verbatim`: no links, names or mentions are made of plain text.
fn formatted(mrkdwn: &str) -> SlackBlockMarkDownText {
    SlackBlockMarkDownText::new(mrkdwn.to_owned()).with_verbatim(true)
}
