//! stub
#![allow(missing_docs, dead_code)]
pub struct Metrics;
impl Metrics {
    pub fn revoked(&self, _d: chrono::TimeDelta) {}
    pub fn revocation_failed(&self) {}
}
