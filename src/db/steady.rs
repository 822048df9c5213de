//! Statements that stay prepared.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::LoadQuery;
use diesel::sql_types::BigInt;
use diesel::{QueryResult, RunQueryDsl};

/// A statement whose text is the same every time, so that each connection prepares it once.
///
/// Diesel prepares every UPDATE and upsert anew, because it cannot know whether their columns
/// change from one time to the next. Where they do not, that costs SQLite more than running the
/// statement, and PostgreSQL one journey more. Never for texts that depend on data, such as lists
/// of values: each would be kept for ever.
#[derive(Debug, Clone, Copy)]
pub struct Steady<Q>(pub Q);

impl<Q> QueryId for Steady<Q> {
    type QueryId = ();
    // The statement is known again by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, DB> QueryFragment<DB> for Steady<Q>
where
    DB: Backend,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q: Query> Query for Steady<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, Conn> RunQueryDsl<Conn> for Steady<Q> {}

/// The same for a statement that answers nothing; see [`Steady`].
///
/// Diesel hands a statement that is *executed* on by reference, and a reference does not know what
/// this type knows. One that is *loaded* it hands on as it is; so it is loaded, and gives no rows.
#[derive(Debug, Clone, Copy)]
pub struct SteadyWrite<Q>(pub Q);

impl<Q> SteadyWrite<Q> {
    /// Runs the statement.
    ///
    /// # Errors
    /// When the database fails.
    pub fn run<'query, Conn>(self, conn: &mut Conn) -> QueryResult<()>
    where
        Self: LoadQuery<'query, Conn, i64>,
    {
        self.load(conn).map(drop)
    }
}

impl<Q> QueryId for SteadyWrite<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, DB> QueryFragment<DB> for SteadyWrite<Q>
where
    DB: Backend,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> Query for SteadyWrite<Q> {
    type SqlType = BigInt;
}

impl<Q, Conn> RunQueryDsl<Conn> for SteadyWrite<Q> {}

/// A statement of fixed words, such as the marks of a savepoint, prepared once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words(pub(super) &'static str);

impl QueryId for Words {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Words {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl<Conn> RunQueryDsl<Conn> for Words {}
