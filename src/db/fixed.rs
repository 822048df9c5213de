//! Expressions that Diesel lacks, in statements that stay prepared; its own `sql` has each prepared anew.

use diesel::backend::Backend;
use diesel::expression::{
    AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate,
};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Nullable};

/// A condition in the words of a partial index, by which alone both databases know that it serves: they
/// do not look into the values of a prepared statement.
#[derive(Debug, Clone, Copy)]
pub struct Condition(pub &'static str);

impl Expression for Condition {
    type SqlType = Bool;
}

impl<G> ValidGrouping<G> for Condition {
    type IsAggregate = is_aggregate::Never;
}

impl<T> AppearsOnTable<T> for Condition {}

impl<T> SelectableExpression<T> for Condition {}

impl QueryId for Condition {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Condition {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

/// A sum of whole numbers; made by [`sum_of!`](crate::sum_of).
#[derive(Debug, Clone, Copy)]
pub struct WholeSum<E>(pub E);

impl<E: Expression<SqlType = BigInt>> Expression for WholeSum<E> {
    type SqlType = Nullable<BigInt>;
}

impl<E, G> ValidGrouping<G> for WholeSum<E> {
    type IsAggregate = is_aggregate::Yes;
}

impl<E: AppearsOnTable<T, SqlType = BigInt>, T> AppearsOnTable<T> for WholeSum<E> {}

impl<E: SelectableExpression<T, SqlType = BigInt>, T> SelectableExpression<T> for WholeSum<E> {}

impl<E: QueryId> QueryId for WholeSum<E> {
    type QueryId = WholeSum<E::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = E::HAS_STATIC_QUERY_ID;
}

impl<E: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for WholeSum<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("CAST(SUM(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS BIGINT)");
        Ok(())
    }
}
