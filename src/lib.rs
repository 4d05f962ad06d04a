//! Exeat turns a reviewed list of permitted egress into the Azure resources that enforce it, and
//! shows with recorded traffic that they let out what the list permits and nothing else.
//!
//! Two answers to "may this flow leave?" are kept equal: the list's ([`intent`]) and Azure's
//! ([`azure`], decided by [`simulate`]).
//!
//! ```text
//! .egress ──syntax──▶ Ast ──resolve──▶ Intent ──compile──▶ Deployment ──emit──▶ ARM · JSON
//!                                        │                      ▲
//!                                        │                      └──import── exeat.deployment/1
//!                                        ▼                      ▼
//! captures ──capture──▶ CapturedFlow ──▶ simulate (decide, with a trace) ──▶ report: text · JSON
//! ```
//!
//! Nothing below [`cli`] prints, exits, reads the clock or the environment: those are arguments.

pub mod azure;
pub mod capture;
pub mod certificate;
pub mod cli;
pub mod compile;
pub mod diagnostic;
pub mod emit;
pub mod evidence;
pub mod flow;
pub mod import;
pub mod intent;
pub mod packet;
pub mod prove;
pub mod quic;
pub mod report;
pub mod resolve;
pub mod simulate;
pub mod syntax;
pub mod testing;
