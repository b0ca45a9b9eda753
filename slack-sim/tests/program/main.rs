//! The program, and what people see and steer it by: its command line, the control API, and the page.

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod cli;
mod control;
mod page;
