//! More time: until when it can be answered, who says yes, and how much there can be.

use crate::support::fixture::{ALICE, Fixture, Has, REQUEST};

#[tokio::test]
async fn more_time_is_to_be_answered_by_the_end_of_the_grant() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    fixture.advance_minutes(10);
    fixture.jit(ALICE, "extend 20m").await;
    let card = fixture.open_card().await;
    let end = fixture.in_minutes(20).timestamp();
    let answer_by = format!("Answer by: <!date^{end}^");
    assert!(card.says(&answer_by), "{}", card.all_text());

    fixture.advance_minutes(20);
    fixture.shows(&card, "before this was decided").await;
    fixture.ended(1).await;
    let kinds = fixture.kinds().await;
    assert!(!kinds.contains(&"extension_lapsed".to_owned()), "{kinds:?}");
}
