//! The entities, actions and facts that rules can speak of.

use std::sync::LazyLock;

use cedar_policy::Schema;

pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    include_str!("schema.cedarschema")
        .parse()
        .expect("the schema is valid")
});
