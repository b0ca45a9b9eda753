//! The kinds of target.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::{Backend, BuildError, InvalidParam, kind::BackendKind};
use crate::{
    clock::Clock,
    domain::{BackendName, Params, RevocationMode, Span},
};

/// Hands every kind of target to the macro `$then`: the name of its Cargo feature, of its module and of
/// its variant in [`BackendConfig`].
#[macro_export]
macro_rules! kinds_of_target {
    ($then:ident) => {
        $then! {
            "exec" exec Exec;
            "postgres" postgres Postgres;
            "webhook" webhook Webhook;
        }
    };
}

macro_rules! register {
    ($($feature:literal $module:ident $Kind:ident;)+) => {
        $(
            #[cfg(feature = $feature)]
            use super::$module;

            /// A kind that was not compiled in: nothing configures it.
            #[cfg(not(feature = $feature))]
            mod $module {
                use std::{borrow::Cow, convert::Infallible, sync::Arc};

                use schemars::{JsonSchema, Schema, SchemaGenerator};
                use serde::{Deserialize, Deserializer, de};

                use crate::{
                    backend::{Backend, BuildError, InvalidParam, kind::BackendKind},
                    clock::Clock,
                    domain::{BackendName, Params, RevocationMode},
                };

                #[derive(Debug, Clone)]
                pub struct Config(Infallible);

                impl<'de> Deserialize<'de> for Config {
                    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                        Err(de::Error::custom(concat!(
                            "this keylend was built without targets of the kind `", $feature,
                            "`: build it with the Cargo feature `", $feature, "`",
                        )))
                    }
                }

                impl JsonSchema for Config {
                    fn schema_name() -> Cow<'static, str> {
                        $feature.into()
                    }

                    fn json_schema(_: &mut SchemaGenerator) -> Schema {
                        false.into()
                    }
                }

                impl BackendKind for Config {
                    fn check_layer(&self, _: &Params) -> Result<(), InvalidParam> {
                        match self.0 {}
                    }

                    fn revocation_mode(&self, _: &Params) -> RevocationMode {
                        match self.0 {}
                    }

                    fn build(&self, _: &BackendName, _: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, BuildError> {
                        match self.0 {}
                    }
                }
            }
        )+

        /// What stands under `[backends.NAME]`: one table, named for the kind of target. A value that
        /// could never work is refused while it is read, so that the error points at its line.
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each kind's folder describes it")]
        pub enum BackendConfig {
            $($Kind($module::Config),)+
        }

        impl BackendConfig {
            fn kind(&self) -> &dyn BackendKind {
                match self {
                    $(Self::$Kind(config) => config,)+
                }
            }

            /// Describes the parameters of a layer, for each kind that does not take any.
            pub(crate) fn layer_schemas(generator: &mut SchemaGenerator) -> Vec<Schema> {
                let schemas = [$($module::Config::layer_schema(generator),)+];
                schemas.into_iter().flatten().collect()
            }
        }
    };
}

kinds_of_target!(register);

impl BackendConfig {
    /// Checks what a layer of the catalogue asks of this target; needs neither the target nor its
    /// secrets.
    ///
    /// # Errors
    ///
    /// The first parameter that is wrong.
    pub fn check_layer(&self, params: &Params) -> Result<(), InvalidParam> {
        self.kind().check_layer(params)
    }

    /// Whether the requester's name reaches the target with this layer, so that whose it is decides
    /// who gets the access. Only a kind that makes a name of its own can say no.
    pub fn takes_username(&self, params: &Params) -> bool {
        self.kind().takes_username(params)
    }

    /// How access that is granted with these parameters ends.
    pub fn revocation_mode(&self, params: &Params) -> RevocationMode {
        self.kind().revocation_mode(params)
    }

    /// The longest that access in this target may go on working after it ended, although the target
    /// says that it is gone: until a session or a token that it does not know of expires.
    pub fn residual(&self) -> Span {
        self.kind().residual()
    }

    /// What is allowed and probably not meant, by the key that it is about. It fetches the secrets, and
    /// looks for programs on this machine; text of a secret is never told.
    pub fn warnings(&self) -> Vec<(&'static str, String)> {
        self.kind().warnings()
    }

    /// Fetches the secrets and makes the target with this name ready. Connects to nothing: a target that is down
    /// does not keep Keylend from starting.
    ///
    /// # Errors
    ///
    /// The secret that is missing or of the wrong form. Its text is never told.
    pub fn build(
        &self,
        name: &BackendName,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Backend>, BuildError> {
        self.kind().build(name, clock)
    }
}
