using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace StackDepth.Tool.Parsing;

/// <summary>
/// Reads <c>--where</c>: <c>pid</c>, <c>tid</c> or <c>comm</c>, an operator and a value, joined by <c>&amp;&amp;</c>. A value is a word or stands in quotes
/// (<c>"..."</c> with <c>\"</c> and <c>\\</c>, or <c>'...'</c>).
/// </summary>
internal ref struct WhereParser
{
    private const int CommBytes = 15; // TASK_COMM_LEN without its NUL
    private readonly string _text;
    private int _position;

    private WhereParser(string text) => _text = text;

    internal static ImmutableArray<WhereCondition> Parse(string text)
    {
        var parser = new WhereParser(text);
        var conditions = ImmutableArray.CreateBuilder<WhereCondition>();
        do
        {
            conditions.Add(parser.Condition());
        }
        while (parser.AnotherFollows());
        return conditions.ToImmutable();
    }

    private WhereCondition Condition()
    {
        var field = Field();
        var op = Operator(field);
        SkipSpace();
        var start = _position;
        var value = Value();
        return field is WhereField.Comm ? new(field, op, Comm(value, start), 0) : new(field, op, "", Number(value, start));
    }

    private WhereField Field()
    {
        SkipSpace();
        var start = _position;
        while (_position < _text.Length && (char.IsAsciiLetterOrDigit(_text[_position]) || _text[_position] == '_'))
            _position++;
        return _text[start.._position] switch
        {
            "pid" => WhereField.Pid,
            "tid" => WhereField.Tid,
            "comm" => WhereField.Comm,
            "" => throw Fault("--where expects pid, tid or comm here.", start),
            _ => throw Fault("--where knows pid, tid and comm only.", start),
        };
    }

    private WhereOperator Operator(WhereField field)
    {
        SkipSpace();
        var start = _position;
        var op = Take("==") ? WhereOperator.Equal
            : Take("!=") ? WhereOperator.NotEqual
            : Take("<=") ? WhereOperator.LessOrEqual
            : Take(">=") ? WhereOperator.GreaterOrEqual
            : Take("<") ? WhereOperator.Less
            : Take(">") ? WhereOperator.Greater
            : throw Fault(Take("=") ? "--where compares with ==, not with =." : "--where expects ==, !=, <, <=, > or >= here.", start);
        return field is WhereField.Comm && op is not (WhereOperator.Equal or WhereOperator.NotEqual)
            ? throw Fault("--where compares comm with == and != only.", start)
            : op;
    }

    private string Value()
    {
        if (_position == _text.Length)
            throw Fault("--where expects a value here.", _position);
        if (_text[_position] is '"' or '\'')
            return Quoted(_text[_position]);
        var start = _position;
        while (_position < _text.Length && !char.IsWhiteSpace(_text[_position]) && !"&|()<>=!\"'".Contains(_text[_position], StringComparison.Ordinal))
            _position++;
        var word = _text[start.._position];
        if (word.AsSpan().IndexOfAny('*', '?', '[') is >= 0 and var glob)
            throw Fault("--where compares the whole value and knows no globs; write it in quotes within the condition when it holds this character itself.", start + glob);
        return word.Length > 0 ? word : throw Fault("--where expects a value here; write it in quotes when it holds special characters.", start);
    }

    private string Quoted(char quote)
    {
        var start = _position++;
        var value = new StringBuilder();
        while (_position < _text.Length)
        {
            var c = _text[_position++];
            if (c == quote)
                return value.ToString();
            if (c == '\\' && quote == '"' && _position < _text.Length)
            {
                c = _text[_position++];
                if (c is not ('"' or '\\'))
                    throw Fault("--where knows the escapes \\\" and \\\\ only.", _position - 2);
            }
            value.Append(c);
        }
        throw Fault("--where: the closing quotation mark is missing.", start);
    }

    private readonly string Comm(string value, int start) => Encoding.UTF8.GetByteCount(value) > CommBytes
        ? throw Fault($"--where: the kernel keeps {CommBytes} bytes of a thread's name, so this can match none; write its first {CommBytes} bytes.", start)
        : value.Contains('\0', StringComparison.Ordinal) ? throw Fault("--where: a thread's name holds no NUL.", start) : value;

    private readonly int Number(string value, int start) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw Fault($"--where expects a whole number from 0 to {int.MaxValue} here.", start);

    private bool AnotherFollows()
    {
        SkipSpace();
        if (_position == _text.Length)
            return false;
        var start = _position;
        return Take("&&") ? true : throw Fault(Take("||") ? "--where joins conditions by && only." : "--where expects && or its end here.", start);
    }

    private bool Take(string token)
    {
        if (!_text.AsSpan(_position).StartsWith(token, StringComparison.Ordinal))
            return false;
        _position += token.Length;
        return true;
    }

    private void SkipSpace()
    {
        while (_position < _text.Length && char.IsWhiteSpace(_text[_position]))
            _position++;
    }

    private readonly UsageException Fault(string message, int position) => new(message, _text, position);
}
