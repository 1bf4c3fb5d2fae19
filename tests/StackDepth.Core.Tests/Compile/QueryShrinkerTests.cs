using System.Collections.Immutable;
using StackDepth.Ir;
using Xunit.Sdk;

namespace StackDepth.Core.Tests.Compile;

/// <summary>Failures of random queries are found, and made small: by a compiler that has a defect.</summary>
public sealed class QueryShrinkerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_failing_query_is_made_as_small_as_it_fails(int seed)
    {
        for (var round = 0; ; round++)
        {
            Assert.InRange(round, 0, 500);
            var random = new Random((seed * 1000) + round);
            var queries = new RandomQueries(random);
            var (query, target) = queries.Next();
            ImmutableArray<Hit> hits = [.. Enumerable.Range(0, 10).Select(_ => CompilerPropertyTests.Hit(random, queries, target, cpus: 1))];
            if (query.Probe.IsReturn || !Fails(query, hits))
                continue;

            var (smaller, fewer) = QueryShrinker.Shrink(query, hits, Fails, attempts: 10_000);

            Assert.True(Fails(smaller, fewer));
            Assert.Single(fewer);
            // A comparison of two parts, and what shows that it is wrong.
            Assert.InRange(smaller.Expressions.Sum(Nodes), 1, 4);
            Assert.Empty(smaller.Controls);
            return;

            bool Fails(IrQuery query, ImmutableArray<Hit> hits)
            {
                try
                {
                    var run = new CompiledRun(Spoilt(query), target);
                    var model = new QueryModel(query, target, new HashSet<int>(), int.MaxValue);
                    foreach (var hit in hits)
                    {
                        run.Run(hit);
                        model.Add(hit);
                    }
                    ModelComparison.AssertSame(model, run);
                    return false;
                }
                catch (XunitException)
                {
                    return true;
                }
                catch (ProbeQueryException)
                {
                    return false;
                }
            }
        }
    }

    /// <summary>As a compiler would make it that takes greater-or-equal for greater.</summary>
    private static IrQuery Spoilt(IrQuery query) => query with
    {
        Predicates = [.. query.Predicates.Select(Spoilt)],
        Sink = query.Sink switch
        {
            IrEmit emit => new IrEmit([.. emit.Fields.Select(Spoilt)]),
            IrEmitExtremum extremum => extremum with { Value = Spoilt(extremum.Value) },
            IrAggregate aggregate => aggregate with { Value = aggregate.Value is null ? null : Spoilt(aggregate.Value) },
            var sink => sink,
        },
    };

    private static IrExpression Spoilt(IrExpression expression) =>
        expression is IrCompare { Operator: CompareOperator.GreaterOrEqual } compare ? new IrCompare(CompareOperator.Greater, Spoilt(compare.Left), Spoilt(compare.Right)) : expression.Map(Spoilt);

    private static int Nodes(IrExpression expression) => 1 + expression.Operands.ToArray().Sum(Nodes);
}
