using System.Text.Json;

namespace StackDepth;

/// <summary>Writes a table as JSON, without reflection. What a name holds stays as it is: the writer escapes what JSON wants escaped.</summary>
internal static class TableJson
{
    internal static void Write(TableCells table, Stream stream)
    {
        using var writer = new Utf8JsonWriter(stream);
        writer.WriteStartArray();
        foreach (var row in table.Rows)
        {
            writer.WriteStartObject();
            for (var column = 0; column < row.Length; column++)
            {
                writer.WritePropertyName(table.Names[column]);
                Write(row[column], writer);
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void Write(object? cell, Utf8JsonWriter writer)
    {
        switch (cell)
        {
            case null:
                writer.WriteNullValue();
                break;
            case bool truth:
                writer.WriteBooleanValue(truth);
                break;
            case double number:
                writer.WriteNumberValue(number);
                break;
            case Histogram histogram:
                Write(histogram, writer);
                break;
            case var number when TableCells.IsNumber(number):
                writer.WriteRawValue(TableCells.Text(number));
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            default:
                writer.WriteStringValue(TableCells.Text(cell));
                break;
        }
    }

    private static void Write(Histogram histogram, Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        foreach (var bucket in histogram.Buckets)
        {
            writer.WriteStartObject();
            writer.WriteNumber("low", bucket.Low);
            writer.WriteNumber("high", bucket.High);
            writer.WriteNumber("count", bucket.Count);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
